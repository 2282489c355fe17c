/* Puts a device program onto a v2 cgroup.
 *
 * Happy path: query what is attached, load, attach the new program, detach the old ones, so that at no moment the group
 * stands without a filter. What can fail: bpf(2) (-EPERM without privilege, -ENOSYS). What always holds: after a failure
 * the old programs are still there. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "cgroups/device_rules.h"

#define OLD_MAX 64

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));
	return r < 0 ? -errno : (int)r;
}

static int load(const struct device_rules *r, struct err *e)
{
	size_t n;
	AUTO_FREE struct bpf_insn *insns = device_rules_program(r, &n);
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE };
	attr.insn_cnt = (uint32_t)n;
	attr.insns = (uint64_t)(uintptr_t)insns;
	attr.license = (uint64_t)(uintptr_t) "Apache-2.0";
	int fd = sys_bpf(BPF_PROG_LOAD, &attr);
	return fd < 0 ? err_code(e, fd, "load device program of %zu instructions", n) : fd;
}

static size_t query(int cg_fd, uint32_t ids[OLD_MAX])
{
	union bpf_attr attr = { 0 };
	attr.query.target_fd = (uint32_t)cg_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = OLD_MAX;
	return sys_bpf(BPF_PROG_QUERY, &attr) < 0 ? 0 : attr.query.prog_cnt;
}

static void detach(int cg_fd, uint32_t id)
{
	union bpf_attr attr = { 0 };
	attr.prog_id = id;
	AUTO_FD int prog = sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	if (prog < 0)
		return;
	union bpf_attr d = { 0 };
	d.target_fd = (uint32_t)cg_fd;
	d.attach_bpf_fd = (uint32_t)prog;
	d.attach_type = BPF_CGROUP_DEVICE;
	sys_bpf(BPF_PROG_DETACH, &d);
}

int device_rules_attach(const struct device_rules *r, const char *dir, struct err *e)
{
	AUTO_FD int cg_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cg_fd < 0)
		return err_sys(e, "open %s", dir);
	AUTO_FD int prog = load(r, e);
	if (prog < 0)
		return prog;
	uint32_t old[OLD_MAX];
	size_t n = query(cg_fd, old);
	union bpf_attr attr = { 0 };
	attr.target_fd = (uint32_t)cg_fd;
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	int rc = sys_bpf(BPF_PROG_ATTACH, &attr);
	if (rc < 0)
		return err_code(e, rc, "attach device program to %s", dir);
	for (size_t i = 0; i < n; i++)
		detach(cg_fd, old[i]);
	return 0;
}
