/* knarr-oci checkpoint, and the options that restore shares with it. */
#include "cmd/oci/checkpoint.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runtime/rootless.h"

#define IMAGES_DEFAULT "checkpoint"

int checkpoint_prepare(const struct checkpoint_flags *f, struct checkpoint_opts *ret, struct err *e)
{
	for (size_t i = 0; i < strv_len(f->empty_ns); i++)
		if (!str_eq(f->empty_ns[i], "network"))
			return err_set(e, -EINVAL, "namespace \"%.64s\" is not supported", f->empty_ns[i]);
	if (rootless_cgroups(ROOTLESS_AUTO))
		oci_log(OCI_WARNING, "checkpoints are untested with rootless containers");
	*ret = (struct checkpoint_opts){ .image_path = str_empty(f->image_path) ? IMAGES_DEFAULT : f->image_path,
					 .work_path = str_empty(f->work_path) ? NULL : f->work_path,
					 .parent_path = f->parent_path,
					 .cgroups_mode = f->cgroups_mode ? f->cgroups_mode : "",
					 .lsm_profile = str_empty(f->lsm_profile) ? NULL : f->lsm_profile,
					 .lsm_mount_context = str_empty(f->lsm_mount_context) ? NULL : f->lsm_mount_context,
					 .status_fd = (int)f->status_fd,
					 .leave_running = f->leave_running,
					 .pre_dump = f->pre_dump,
					 .tcp_established = f->tcp_established,
					 .tcp_skip_in_flight = f->tcp_skip_in_flight,
					 .link_remap = f->link_remap,
					 .ext_unix_sk = f->ext_unix_sk,
					 .shell_job = f->shell_job,
					 .file_locks = f->file_locks,
					 .auto_dedup = f->auto_dedup,
					 .lazy_pages = f->lazy_pages };
	return 0;
}

/* "ADDRESS:PORT", "[v6]:PORT"; the address is owned. */
static int parse_page_server(const char *text, char **ret_address, int *ret_port, struct err *e)
{
	const char *colon = strrchr(text, ':');
	bool brackets = *text == '[' && colon && colon > text + 2 && colon[-1] == ']';
	uint32_t port;
	if (!colon || colon == text || !colon[1] || (!brackets && memchr(text, ':', (size_t)(colon - text))))
		return err_set(e, -EINVAL, "Use --page-server ADDRESS:PORT to specify page server");
	if (str_to_u32(colon + 1, &port) < 0 || port > 65535)
		return err_set(e, -EINVAL, "Invalid port number");
	*ret_address = xstrndup(text + brackets, (size_t)(colon - text) - (brackets ? 2 : 0));
	*ret_port = (int)port;
	return 0;
}

static int run_checkpoint(const struct globals *g, const struct call *c)
{
	const struct checkpoint_flags *f = c->values;
	struct checkpoint_opts k = CHECKPOINT_OPTS_INIT;
	AUTO_FREE char *address = NULL;
	struct err e = ERR_INIT;
	int r = checkpoint_prepare(f, &k, &e);
	if (r == 0 && !str_empty(f->page_server))
		r = parse_page_server(f->page_server, &address, &k.page_port, &e);
	k.page_server = address;
	if (r == 0)
		r = container_checkpoint(g->root, c->argv[0], &k, &e);
	return r < 0 ? report(g, 1, NULL, &e) : 0;
}

static const struct option_row checkpoint_rows[] = {
	CHECKPOINT_SHARED_ROWS,
	CHECKPOINT_ROW(parent_path, OPTION_TEXT, "parent-path", 0, "path for previous criu image files in pre-dump"),
	CHECKPOINT_ROW(leave_running, OPTION_FLAG, "leave-running", 0, "leave the process running after checkpointing"),
	CHECKPOINT_ROW(tcp_skip_in_flight, OPTION_FLAG, "tcp-skip-in-flight", 0, "skip in-flight tcp connections"),
	CHECKPOINT_ROW(link_remap, OPTION_FLAG, "link-remap", 0, "allow one to link unlinked files back when possible"),
	{ .name = "status-fd",
	  .kind = OPTION_INT,
	  .offset = offsetof(struct checkpoint_flags, status_fd),
	  .help = "criu writes \\0 to this FD once lazy-pages is ready",
	  .fallback = "-1" },
	CHECKPOINT_ROW(page_server, OPTION_TEXT, "page-server", 0, "ADDRESS:PORT of the page server"),
	CHECKPOINT_ROW(pre_dump, OPTION_FLAG, "pre-dump", 0, "dump the memory only, leave the container running after this"),
};

const struct verb verb_checkpoint = {
	.name = "checkpoint",
	.brief = "checkpoint a running container",
	.args = "<container-id>",
	.about = "Saves the processes of the container to files by criu, which must be installed; the container is gone afterwards "
		 "unless --leave-running or --pre-dump is given.",
	VERB_OPTIONS(struct checkpoint_flags, checkpoint_rows),
	.order = OPTIONS_ANYWHERE,
	.min_args = 1,
	.max_args = 1,
	.run = run_checkpoint,
};
