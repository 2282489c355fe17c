/* host-local's directory: files used again, what is noted as in use, owners; as an ordinary user, in a directory of its
 * own. */
#include "cni/ipam_index.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "cni/ipam_spare.h"
#include "cni/ipam_used.h"

static char dir[64];
static struct ipam_store s;

static void open_store(void)
{
	ck_assert_int_eq(ipam_store_open(dir, "net", &s, NULL), 0);
	ck_assert_int_eq(ipam_index_open(&s, NULL), 0);
}

static void close_store(void)
{
	ipam_index_stamp(&s);
	ipam_store_close(&s);
}

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/knarr-test-ipam.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	open_store();
}

static void teardown(void)
{
	ipam_store_close(&s);
	fs_remove_tree(dir, NULL);
}

static struct ip address(int i)
{
	char text[IP_TEXT_MAX];
	struct ip ip;
	snprintf(text, sizeof(text), i % 2 ? "10.0.%d.%d" : "fd00::%x%02x", i / 256, i % 256);
	ck_assert_int_eq(ip_parse(text, &ip), 0);
	return ip;
}

static int take(int i, const char *id)
{
	struct ip ip = address(i);
	return ipam_store_reserve(&s, &ip, id, "eth0", NULL);
}

static void give_back(int i)
{
	struct ip ip = address(i);
	ipam_store_release(&s, &ip);
}

static bool is_noted(int i)
{
	struct ipam_used used;
	struct ip ip = address(i);
	ck_assert_int_eq(ipam_used_load(&s, &used, NULL), 0);
	bool has = ipam_used_has(&used, &ip);
	ipam_used_done(&used);
	return has;
}

static bool has_file(const char *name)
{
	return !faccessat(s.index_fd, name, F_OK, 0);
}

START_TEST(taken_and_freed)
{
	for (int i = 0; i < 600; i++)
		ck_assert_int_eq(take(i, "a"), 0);
	ck_assert_int_eq(take(7, "b"), -EEXIST);
	ck_assert(!has_file(IPAM_USED_NAME)); /* nobody has looked */
	ck_assert(is_noted(599) && !is_noted(600) && has_file(IPAM_USED_NAME));
	give_back(7);
	give_back(8);
	ck_assert(!is_noted(7) && !is_noted(8) && is_noted(9));
	ck_assert_int_eq(take(8, "b"), 0);
	ck_assert(is_noted(8));
	struct ip ip = address(8);
	ck_assert(ipam_store_is_held(&s, &ip, "b", "eth0") && !ipam_store_is_held(&s, &ip, "a", "eth0"));
}
END_TEST

START_TEST(many_changes_are_put_together)
{
	struct stat st;
	ck_assert_int_eq(take(1, "a"), 0);
	ck_assert(is_noted(1));
	for (int i = 0; i < 3000; i++) {
		ck_assert_int_eq(take(2, "a"), 0);
		give_back(2);
	}
	ck_assert(is_noted(1) && !is_noted(2));
	ck_assert_int_eq(fstatat(s.index_fd, IPAM_USED_NAME, &st, 0), 0);
	ck_assert_int_eq(st.st_size, 20);
	ipam_used_forget(&s);
	give_back(1);
	ck_assert(!is_noted(1));
}
END_TEST

START_TEST(broken_notes)
{
	ck_assert_int_eq(take(1, "a"), 0);
	ck_assert(is_noted(1));
	int fd = openat(s.index_fd, IPAM_USED_NAME, O_WRONLY | O_APPEND | O_CLOEXEC);
	ck_assert_int_eq(fs_write_all(fd, "?", 1), 0);
	close(fd);
	ck_assert(is_noted(1) && !is_noted(2)); /* of the directory */
}
END_TEST

START_TEST(spare_files)
{
	for (int i = 0; i < IPAM_SPARE_MAX + 3; i++)
		ck_assert_int_eq(take(i, "a-long-name-of-a-container"), 0);
	for (int i = 0; i < IPAM_SPARE_MAX + 3; i++)
		give_back(i);
	ck_assert_uint_eq(s.n_spare, IPAM_SPARE_MAX);
	close_store();
	open_store();
	ck_assert_uint_eq(s.n_spare, IPAM_SPARE_MAX);
	ck_assert_int_eq(take(1, "b"), 0);
	ck_assert_uint_eq(s.n_spare, IPAM_SPARE_MAX - 1);
	struct ip ip = address(1);
	ck_assert(ipam_store_is_held(&s, &ip, "b", "eth0"));
	unlinkat(s.index_fd, "spare.30", 0); /* as if the count had not been written any more */
	ck_assert_int_eq(take(2, "b"), 0);
	ck_assert_uint_eq(s.n_spare, 29);
	ck_assert(ipam_spare_is_one("spare.0") && !ipam_spare_is_one("stamp"));
	ck_assert_int_ge(ipam_index_prune(&s, NULL), 0);
	ck_assert(s.n_spare == 0 && !has_file("spare.0"));
}
END_TEST

START_TEST(owners)
{
	struct ipam_held held;
	struct ip ips[2] = {address(1), address(2)};
	ck_assert_int_eq(take(1, "a"), 0);
	ck_assert_int_eq(take(2, "a"), 0);
	ipam_index_put(&s, "a", "eth0", "/run/netns/x", ips, 2);
	close_store();
	open_store();
	ipam_index_get(&s, "a", "eth0", &held);
	ck_assert_uint_eq(held.n, 2);
	ipam_held_done(&held);
	give_back(2);
	ipam_index_get(&s, "a", "eth0", &held); /* believed as far as it is true */
	ck_assert_uint_eq(held.n, 1);
	ipam_held_done(&held);
	ipam_index_remove(&s, "a", "eth0");
	ipam_index_get(&s, "a", "eth0", &held);
	ck_assert_uint_eq(held.n, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ipam_store");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, taken_and_freed);
	tcase_add_test(t, many_changes_are_put_together);
	tcase_add_test(t, broken_notes);
	tcase_add_test(t, spare_files);
	tcase_add_test(t, owners);
	suite_add_tcase(suite, t);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
