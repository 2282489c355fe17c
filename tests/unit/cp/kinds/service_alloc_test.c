/* Addresses and ports of services: what is free, what is taken, what comes back. */
#include "cp/kinds/service_alloc.h"

#include <errno.h>

#include "cp/kinds/service_range.h"

#include "tests/unit/check_main.h"
#include "tests/unit/cp/cache/cache_fixture.h"

static struct bucket *services, *addresses, *cidrs;
static struct service_alloc *alloc;

static void start(const char *cidr)
{
	cache_setup();
	services = cache_add_bucket(cache, &(struct bucket_config){ .prefix = "/registry/services/specs/", .namespaced = true });
	addresses = cache_add_bucket(cache, &(struct bucket_config){ .prefix = "/registry/ipaddresses/" });
	cidrs = cache_add_bucket(cache, &(struct bucket_config){ .prefix = "/registry/servicecidrs/" });
	load();
	ck_assert_int_eq(service_alloc_new(services, addresses, cidrs, cidr, 30000, 30099, &alloc, NULL), 0);
}

static void stop(void)
{
	service_alloc_free(alloc);
	cache_teardown();
}

/* One request: an address (NULL: any); with keep it stays in flight. */
static int take(const char *wanted, char *ret, struct service_ticket **keep)
{
	char text[SERVICE_ADDRESS_MAX];
	struct service_ticket *t = service_ticket_new(alloc);
	int r = service_take_ip(t, "IPv4", wanted, ret ? ret : text);
	if (keep)
		*keep = t;
	else
		service_ticket_free(t);
	return r;
}

START_TEST(ranges)
{
	static const struct {
		const char *cidr;
		int r;
	} rows[] = { { "10.96.0.0/16", 0 }, { "10.96.0.0/29", 0 }, { "10.96.0.0/30", -EINVAL }, { "10.0.0.0/7", -EINVAL },
		     { "10.96.0.0", -EINVAL }, { "ten/8", -EINVAL }, { "fd00::/112", 0 },
		     { "fd00::/64", 0 }, { "fd00::/63", -EINVAL }, { "fd00::/126", -EINVAL }, { "fd00::/112,10.96.0.0/16", 0 },
		     { "10.96.0.0/16,10.97.0.0/16", -EINVAL }, { "10.96.0.0/16,fd00::/112,fd01::/112", -EINVAL }, { "", -EINVAL } };
	start("10.96.0.0/16");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct service_alloc *a = NULL;
		ck_assert_int_eq(service_alloc_new(services, NULL, NULL, rows[i].cidr, 1, 2, &a, NULL), rows[i].r);
		if (rows[i].r == 0)
			service_alloc_free(a);
	}
	stop();
}
END_TEST

START_TEST(chosen_addresses)
{
	struct service_ticket *held = NULL;
	char text[SERVICE_ADDRESS_MAX];
	start("10.96.0.0/24");
	ck_assert_int_eq(take("10.96.0.0", NULL, NULL), -ERANGE);
	ck_assert_int_eq(take("10.96.0.255", NULL, NULL), -ERANGE);
	ck_assert_int_eq(take("10.97.0.1", NULL, NULL), -ERANGE);
	ck_assert_int_eq(take("nonsense", NULL, NULL), -ERANGE);
	ck_assert_int_eq(take("10.96.0.10", text, &held), 0);
	ck_assert_str_eq(text, "10.96.0.10");
	ck_assert_int_eq(take("10.96.0.10", NULL, NULL), -EEXIST);
	service_ticket_free(held);
	ck_assert_int_eq(take("10.96.0.10", NULL, NULL), 0);
	stop();
}
END_TEST

START_TEST(any_address)
{
	struct service_ticket *held[254];
	char text[SERVICE_ADDRESS_MAX];
	start("10.96.0.0/24");
	for (int i = 0; i < 254; i++) {
		ck_assert_int_eq(take(NULL, text, &held[i]), 0);
		/* The lowest sixteen are for people's own choices as long as there are others. */
		ck_assert_int_eq(atoi(strrchr(text, '.') + 1) <= 16, i >= 238);
	}
	ck_assert_int_eq(take(NULL, text, NULL), -ENOSPC);
	service_ticket_free(held[77]);
	ck_assert_int_eq(take(NULL, text, &held[77]), 0);
	for (int i = 0; i < 254; i++)
		service_ticket_free(held[i]);
	stop();
}
END_TEST

#define SERVICE "{\"metadata\":{\"name\":\"s\",\"namespace\":\"a\",\"uid\":\"1\"},\"spec\":{\"clusterIPs\":[\"10.96.0.20\"],\"ports\":[{\"port\":80,\"nodePort\":30050}],\"healthCheckNodePort\":30051}}"
#define ADDRESS "{\"metadata\":{\"name\":\"10.96.0.21\",\"uid\":\"2\"}}"

START_TEST(what_the_cache_holds)
{
	uint16_t port = 0;
	start("10.96.0.0/24");
	put("/registry/services/specs/a/s", SERVICE);
	put("/registry/ipaddresses/10.96.0.21", ADDRESS);
	put("/registry/ipaddresses/10.96.0.21", ADDRESS);
	ck_assert_int_eq(take("10.96.0.20", NULL, NULL), -EEXIST);
	ck_assert_int_eq(take("10.96.0.21", NULL, NULL), -EEXIST);
	struct service_ticket *t = service_ticket_new(alloc);
	ck_assert_int_eq(service_take_port(t, 30050, &port), -EEXIST);
	ck_assert_int_eq(service_take_port(t, 30051, &port), -EEXIST);
	ck_assert_int_eq(service_take_port(t, 29999, &port), -ERANGE);
	service_ticket_free(t);
	del("/registry/services/specs/a/s");
	del("/registry/ipaddresses/10.96.0.21");
	ck_assert_int_eq(take("10.96.0.20", NULL, NULL), 0);
	ck_assert_int_eq(take("10.96.0.21", NULL, NULL), 0);
	stop();
}
END_TEST

#define RANGE(more, ready)                                                                                                     \
	"{\"metadata\":{\"name\":\"more\",\"uid\":\"3\"" more "},\"spec\":{\"cidrs\":[\"10.97.0.0/28\"]},\"status\":{\"conditions\":[{\"type\":" \
	"\"Ready\",\"status\":\"" ready "\"}]}}"

START_TEST(further_ranges)
{
	struct service_ticket *held[6];
	char text[SERVICE_ADDRESS_MAX];
	start("10.96.0.0/29");
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(take(NULL, text, &held[i]), 0);
	ck_assert_int_eq(take(NULL, text, NULL), -ENOSPC);
	put("/registry/servicecidrs/more", RANGE("", "False"));
	ck_assert_int_eq(take(NULL, text, NULL), -ENOSPC);
	put("/registry/servicecidrs/more", RANGE("", "True"));
	ck_assert_int_eq(take(NULL, text, NULL), 0);
	ck_assert(str_has_prefix(text, "10.97.0."));
	ck_assert_int_eq(take("10.97.0.3", NULL, NULL), 0);
	put("/registry/servicecidrs/more", RANGE(",\"deletionTimestamp\":\"2020-01-01T00:00:00Z\"", "True"));
	ck_assert_int_eq(take("10.97.0.3", NULL, NULL), -ERANGE);
	for (int i = 0; i < 6; i++)
		service_ticket_free(held[i]);
	stop();
}
END_TEST

START_TEST(both_families)
{
	char text[SERVICE_ADDRESS_MAX];
	const char *const *families;
	start("10.96.0.0/24,fd00:96::/112");
	ck_assert_uint_eq(service_cluster_families(alloc, &families), 2);
	ck_assert_str_eq(families[0], "IPv4");
	ck_assert_str_eq(families[1], "IPv6");
	struct service_ticket *t = service_ticket_new(alloc);
	ck_assert_int_eq(service_take_ip(t, "IPv6", NULL, text), 0);
	ck_assert(str_has_prefix(text, "fd00:96::"));
	ck_assert_int_eq(service_take_ip(t, "IPv4", NULL, text), 0);
	ck_assert(str_has_prefix(text, "10.96.0."));
	ck_assert_int_eq(service_take_ip(t, "IPv6", "fd00:0096:0::000A", text), 0);
	ck_assert_str_eq(text, "fd00:96::a");
	ck_assert_int_eq(service_take_ip(t, "IPv6", "fd00:96::a", text), -EEXIST);
	ck_assert_int_eq(service_take_ip(t, "IPv6", "fd00:96::", text), -ERANGE);
	ck_assert_int_eq(service_take_ip(t, "IPv6", "fd00:97::1", text), -ERANGE);
	ck_assert_int_eq(service_take_ip(t, "IPv6", "fd00:96::ffff", text), 0);
	service_ticket_free(t);
	stop();
}
END_TEST

START_TEST(any_port)
{
	uint16_t port = 0;
	start("10.96.0.0/24");
	ck_assert_str_eq(service_port_range(alloc), "30000-30099");
	struct service_ticket *t = service_ticket_new(alloc);
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(service_take_port(t, 0, &port), 0);
		ck_assert_int_eq(port < 30016, i >= 84);
	}
	ck_assert_int_eq(service_take_port(t, 0, &port), -ENOSPC);
	service_ticket_free(t);
	stop();
}
END_TEST

TESTS("service_alloc", ranges, chosen_addresses, any_address, what_the_cache_holds, further_ranges, both_families, any_port)
