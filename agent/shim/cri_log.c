/* CRI log lines. The line cutter is pure; writing is one writev(2) a line, so that a reader never sees half of one
 * unless the disk is full. What always holds: at most CRI_LINE_MAX bytes of a stream are held back. */
#include "agent/shim/cri_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "base/fs.h"

char *cri_line_room(struct cri_line *l, size_t *ret_room)
{
	*ret_room = sizeof(l->bytes) - l->len;
	return l->bytes + l->len;
}

void cri_line_feed(struct cri_line *l, size_t n, cri_line_fn fn, void *arg)
{
	size_t start = 0, scan = l->len;
	l->len += n;
	for (char *nl; (nl = memchr(l->bytes + scan, '\n', l->len - scan)); start = scan) {
		scan = (size_t)(nl - l->bytes) + 1;
		fn(arg, 'F', l->bytes + start, scan - 1 - start);
	}
	if (start) {
		l->len -= start;
		memmove(l->bytes, l->bytes + start, l->len);
	}
	if (l->len == sizeof(l->bytes))
		cri_line_end(l, fn, arg);
}

void cri_line_end(struct cri_line *l, cri_line_fn fn, void *arg)
{
	if (l->len)
		fn(arg, 'P', l->bytes, l->len);
	l->len = 0;
}

int cri_log_write(int fd, const char *stream, char tag, int64_t wall_ns, const char *text, size_t len)
{
	char head[RFC3339_MAX + 16];
	rfc3339_nano(wall_ns / 1000000000, (int32_t)(wall_ns % 1000000000), head);
	size_t n = strlen(head);
	n += (size_t)snprintf(head + n, sizeof(head) - n, " %s %c ", stream, tag);
	struct iovec iov[3] = { { head, n }, { (void *)text, len }, { (void *)"\n", 1 } };
	size_t total = n + len + 1;
	ssize_t w;
	do
		w = writev(fd, iov, 3);
	while (w < 0 && errno == EINTR);
	if (w < 0)
		return -errno;
	size_t done = (size_t)w;
	for (int i = 0; done < total && i < 3; i++) {
		if (done >= iov[i].iov_len) {
			done -= iov[i].iov_len;
			total -= iov[i].iov_len;
			continue;
		}
		int r = fs_write_all(fd, (char *)iov[i].iov_base + done, iov[i].iov_len - done);
		if (r < 0)
			return r;
		total -= iov[i].iov_len;
		done = 0;
	}
	return 0;
}
