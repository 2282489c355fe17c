/* What is asked for. A pod is one as a manifest of a small service makes it; with defaults and managed fields about 3.7 KB. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "bench/load.h"

#define NS "/api/v1/namespaces/bench"
#define BY_KUBECTL "?fieldManager=kubectl-create&fieldValidation=Strict"

static void healthz(const struct load_options *o, int64_t n, struct str *out)
{
	(void)o, (void)n;
	str_add(out, "/healthz");
}

static void given(const struct load_options *o, int64_t n, struct str *out)
{
	(void)n;
	str_add(out, o->path ? o->path : NS "/pods");
}

static void configmaps(const struct load_options *o, int64_t n, struct str *out)
{
	(void)o, (void)n;
	str_add(out, NS "/configmaps" BY_KUBECTL);
}

static void pods(const struct load_options *o, int64_t n, struct str *out)
{
	(void)o, (void)n;
	str_add(out, NS "/pods" BY_KUBECTL);
}

static void pod(const struct load_options *o, int64_t n, struct str *out)
{
	(void)o;
	str_addf(out, NS "/pods/load-%07" PRId64, n);
}

static void pod_status(const struct load_options *o, int64_t n, struct str *out)
{
	pod(o, n, out);
	str_add(out, "/status");
}

static void leases(const struct load_options *o, int64_t n, struct str *out)
{
	(void)o, (void)n;
	str_add(out, "/apis/coordination.k8s.io/v1/namespaces/bench/leases");
}

static void lease(const struct load_options *o, int64_t n, struct str *out)
{
	leases(o, n, out);
	str_addf(out, "/load-%07" PRId64, n);
}

static void configmap_body(int64_t n, struct str *out)
{
	str_addf(out, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"load-%07" PRId64 "\"},\"data\":{\"k\":\"value\"}}", n);
}

static void lease_body(int64_t n, struct str *out)
{
	str_addf(out,
		 "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"load-%07" PRId64 "\"},"
		 "\"spec\":{\"holderIdentity\":\"load-%07" PRId64 "\",\"leaseDurationSeconds\":40,\"renewTime\":\"2026-01-02T03:04:05.000001Z\"}}",
		 n, n);
}

static void pod_body(int64_t n, struct str *out)
{
	str_addf(out,
		 "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"load-%07" PRId64 "\",\"labels\":{\"app\":\"web\","
		 "\"hundredth\":\"h%02" PRId64 "\",\"load\":\"00000000\"},\"annotations\":{\"example.com/owner\":\"team-a\"}},\"spec\":{",
		 n, n % 100);
	str_add(out, "\"terminationGracePeriodSeconds\":0,\"containers\":[{\"name\":\"web\",\"image\":\"registry.example.com/web:1.4.2\","
		     "\"args\":[\"--listen=:8080\",\"--log=info\"],\"ports\":[{\"name\":\"http\",\"containerPort\":8080}],\"env\":["
		     "{\"name\":\"MODE\",\"value\":\"production\"},{\"name\":\"POD_NAME\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":"
		     "\"metadata.name\"}}}],\"resources\":{\"requests\":{\"cpu\":\"10m\",\"memory\":\"16Mi\"},\"limits\":{\"memory\":\"64Mi\"}},"
		     "\"readinessProbe\":{\"httpGet\":{\"path\":\"/ready\",\"port\":\"http\"},\"periodSeconds\":5},"
		     "\"volumeMounts\":[{\"name\":\"cache\",\"mountPath\":\"/cache\"}]}],"
		     "\"volumes\":[{\"name\":\"cache\",\"emptyDir\":{}}]}}");
}

static void at_once(int64_t n, struct str *out)
{
	(void)n;
	str_add(out, "{\"gracePeriodSeconds\":0}");
}

static const struct load_mode modes[] = {
	{"healthz", "GET", healthz, NULL, NULL, 0, false},
	{"create-configmap", "POST", configmaps, configmap_body, NULL, 0, false},
	{"create-pod", "POST", pods, pod_body, NULL, 0, false},
	{"create-lease", "POST", leases, lease_body, NULL, 0, false},
	{"get-pod", "GET", pod, NULL, NULL, 0, true},
	{"update-pod", "PUT", pod, NULL, "\"load\":\"", 8, false},
	{"update-pod-status", "PUT", pod_status, NULL, "\"message\":\"load ", 8, false},
	{"update-lease", "PUT", lease, NULL, "T03:04:05.", 6, false},
	{"delete-pod", "DELETE", pod, at_once, NULL, 0, false},
	{"list", "GET", given, NULL, NULL, 0, false},
};

const struct load_mode *load_mode_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (!strcmp(modes[i].name, name))
			return &modes[i];
	return NULL;
}

bool load_count_in(struct str *text, const char *marker, int digits, int64_t n)
{
	char number[24];
	char *at = text->len ? strstr(text->p, marker) : NULL;
	if (!at)
		return false;
	snprintf(number, sizeof(number), "%0*" PRId64, digits, n);
	memcpy(at + strlen(marker), number + strlen(number) - (size_t)digits, (size_t)digits);
	return true;
}
