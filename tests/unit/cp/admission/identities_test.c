/* What a service account and a node may reach by way of a pod: secrets, tokens, certificates. */
#include "tests/unit/cp/admission/admission_fixture.h"

#include <unistd.h>

#include "api/pki_request.h"

#define ACCOUNT(name, rest)                                                                                                                  \
	"{\"kind\":\"ServiceAccount\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name "\",\"namespace\":\"n\"" rest "}"

START_TEST(secrets_of_an_account)
{
	static const struct {
		const char *spec, *want;
	} cases[] = {
		{ "{\"containers\":[{\"name\":\"c\"}]}", "" },
		{ "{\"containers\":[],\"volumes\":[{\"secret\":{\"secretName\":\"mine\"}}]}", "" },
		{ "{\"containers\":[],\"volumes\":[{\"secret\":{\"secretName\":\"pull\"}}]}",
		  "volume with secret.secretName=\"pull\" is not allowed because service account m does not reference that secret" },
		{ "{\"containers\":[{\"name\":\"c\",\"env\":[{\"name\":\"E\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"s\"}}}]}]}",
		  "container c with envVar E referencing secret.secretName=\"s\" is not allowed because service account m does not "
		  "reference that secret" },
		{ "{\"containers\":[],\"initContainers\":[{\"name\":\"i\",\"envFrom\":[{\"configMapRef\":{\"name\":\"s\"}},{"
		  "\"secretRef\":{\"name\":\"s\"}}]}]}",
		  "init container i with envFrom referencing secret.secretName=\"s\" is not allowed because service account m does not "
		  "reference that secret" },
		{ "{\"containers\":[],\"imagePullSecrets\":[{\"name\":\"pull\"},{\"name\":\"mine\"}]}",
		  "imagePullSecrets[1].name=\"mine\" is not allowed because service account m does not reference that imagePullSecret" },
	};
	admission_setup();
	given(ACCOUNT("m", ",\"annotations\":{\"kubernetes.io/enforce-mountable-secrets\":\"true\"}}, \"secrets\":[{\"name\":\"mine\"}],"
			   "\"imagePullSecrets\":[{\"name\":\"pull\"}"
			   "]"));
	given(ACCOUNT("free", ",\"annotations\":{\"kubernetes.io/enforce-mountable-secrets\":\"no\"}}"));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *limited = pod_of(cases[i].spec), *free_ = pod_of(cases[i].spec);
		json_set_str(limited, "spec.serviceAccountName", "m");
		json_set_str(free_, "spec.serviceAccountName", "free");
		const char *why = create_pod(&limited);
		ck_assert_int_eq(*why != '\0', *cases[i].want != '\0');
		ck_assert_msg(strstr(why, cases[i].want) != NULL, "%zu: %s", i, why);
		ck_assert_str_eq(create_pod(&free_), "");
	}
	AUTO_JSON *debugged = pod_of("{\"serviceAccountName\":\"m\",\"ephemeralContainers\":[{\"name\":\"e\",\"envFrom\":[{\"secretRef\":{"
				     "\"name\":\"s\"}}]}]}");
	AUTO_FREE char *before = json_text(debugged);
	ck_assert_str_eq(admit_as("u", "g", ADMIT_UPDATE, "ephemeralcontainers", &debugged, before),
			 "ephemeral container e with envFrom referencing secret.secretName=\"s\" is not allowed because service account m "
			 "does not reference that secret");
	ck_assert_str_eq(admit_as("u", "g", ADMIT_UPDATE, "", &debugged, before), "");
	admission_teardown();
}
END_TEST

/* What node n1 hears that asks for a token of account "default" bound to pod p. */
static const char *token_for(const char *audiences)
{
	AUTO_FREE char *text = xasprintf(ACCOUNT("default", "}, \"spec\":{\"audiences\":[%s],\"boundObjectRef\":{\"kind\":\"Pod\","
							    "\"apiVersion\":\"v1\",\"name\":\"p\",\"uid\":\"u\"}}"),
					 audiences);
	AUTO_JSON *o = parsed(text);
	return admit_as("system:node:n1", "system:nodes", ADMIT_CREATE, "token", &o, NULL);
}

#define POD_WITH(volumes)                                                                                                                     \
	"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\",\"uid\":\"u\"},\"spec\":{\"nodeName\":"    \
	"\"n1\",\"volumes\":[" volumes "]}}"

START_TEST(audiences_of_a_node)
{
	admission_setup();
	given(POD_WITH("{\"projected\":{\"sources\":[{\"serviceAccountToken\":{\"audience\":\"vault\"}}]}},{\"name\":\"e\",\"ephemeral\":{}}"));
	ck_assert_str_eq(token_for("\"vault\""), "");
	ck_assert_str_eq(token_for("\"vault\",\"b\""), "serviceaccounts \"default\" is forbidden: node may only request 0 or 1 audiences");
	ck_assert_str_eq(token_for("\"b\""), "serviceaccounts \"default\" is forbidden: error validating audience \"b\": persistentvolumeclaim "
					     "\"p-e\" not found");
	given("{\"kind\":\"PersistentVolumeClaim\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p-e\",\"namespace\":\"n\"},\"spec\":{"
	      "\"volumeName\":\"v\"}}");
	given("{\"kind\":\"PersistentVolume\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"v\"},\"spec\":{\"azureFile\":{}}}");
	ck_assert_str_eq(token_for("\"b\""), "serviceaccounts \"default\" is forbidden: error validating audience \"b\": "
					     "csidriver.storage.k8s.io \"file.csi.azure.com\" not found");
	given("{\"kind\":\"CSIDriver\",\"apiVersion\":\"storage.k8s.io/v1\",\"metadata\":{\"name\":\"file.csi.azure.com\"},\"spec\":{"
	      "\"tokenRequests\":[{\"audience\":\"b\"}]}}");
	ck_assert_str_eq(token_for("\"b\""), "");
	ck_assert_str_eq(token_for(""), "serviceaccounts \"default\" is forbidden: audience \"\" not found in pod spec volume, system:node:n1 is "
					"not authorized to request tokens for this audience");
	admission_teardown();
}
END_TEST

static const char *certificate_for(const char *user, const char *signer, const char *pem)
{
	AUTO_STR encoded = STR_INIT;
	base64_encode(&encoded, pem, strlen(pem));
	AUTO_JSON *o = json_pack("{s:s,s:s,s:{s:s},s:{s:s,s:s}}", "kind", "CertificateSigningRequest", "apiVersion", "certificates.k8s.io/v1",
				 "metadata", "name", "c", "spec", "signerName", signer, "request", str_text(&encoded));
	return admit_as(user, "system:nodes", ADMIT_CREATE, "", &o, NULL);
}

START_TEST(certificates_of_a_node)
{
	static const char serving[] = "kubernetes.io/kubelet-serving", client[] = "kubernetes.io/kube-apiserver-client-kubelet";
	char key[] = "/tmp/knarr-test-key-XXXXXX";
	AUTO_FREE char *pem = NULL;
	admission_setup();
	int fd = mkstemp(key);
	ck_assert_int_ge(fd, 0);
	close(fd);
	unlink(key);
	ck_assert_int_eq(pki_request_make(&(struct pki_subject){ .common_name = "system:node:n1" }, key, &pem, NULL), 0);
	unlink(key);
	ck_assert_str_eq(certificate_for("system:node:n1", serving, pem), "");
	ck_assert_str_eq(certificate_for("system:node:n1", client, pem), "");
	ck_assert_str_eq(certificate_for("system:node:n2", client, pem),
			 "certificatesigningrequests.certificates.k8s.io \"c\" is forbidden: can only create a node CSR with "
			 "CN=system:node:n2");
	ck_assert_str_eq(certificate_for("system:node:n2", "example.com/signer", pem), "");
	ck_assert_ptr_nonnull(strstr(certificate_for("system:node:n1", serving, "x"),
				     "unable to parse csr: PEM block type must be CERTIFICATE REQUEST"));
	admission_teardown();
}
END_TEST

TESTS("identities", secrets_of_an_account, audiences_of_a_node, certificates_of_a_node)
