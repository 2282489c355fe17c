/* Container logs, from file to reader.
 *
 * Happy path: whole lines are parsed, filtered and written on without their heads. What can fail: a line that is none
 * (skipped). What always holds: memory is bounded by one line, and a line in parts is shown as one. */
#include "agent/log_read.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { LINE_MAX_BYTES = 1 << 20, TAIL_CHUNK = 16384 };

bool log_line_parse(const char *line, size_t n, struct log_line *ret)
{
	const char *end = line + n, *sp = memchr(line, ' ', n);
	if (!sp || end - sp < 10 || sp - line < 20)
		return false;
	struct log_line l = {.time = line, .time_len = (size_t)(sp - line)};
	if (!memcmp(sp + 1, "stderr ", 7))
		l.err = true;
	else if (memcmp(sp + 1, "stdout ", 7))
		return false;
	const char *tag = sp + 8;
	if ((*tag != 'F' && *tag != 'P') || (tag + 1 < end && tag[1] != ' '))
		return false;
	l.partial = *tag == 'P';
	l.text = tag + 2 < end ? tag + 2 : end;
	l.len = (size_t)(end - l.text);
	*ret = l;
	return true;
}

void log_filter_done(struct log_filter *f)
{
	str_done(&f->rest);
}

static bool wanted(const struct log_filter *f, const struct log_line *l)
{
	int64_t us;
	char time[RFC3339_MAX];
	if ((f->streams == LOG_STDOUT && l->err) || (f->streams == LOG_STDERR && !l->err))
		return false;
	if (!f->since_us || l->time_len >= sizeof(time))
		return true;
	memcpy(time, l->time, l->time_len);
	time[l->time_len] = '\0';
	return rfc3339_parse(time, &us) < 0 || us >= f->since_us;
}

static void emit(struct log_filter *f, const char *bytes, size_t n, struct str *out)
{
	if (f->limit_bytes >= 0) {
		n = MIN(n, (size_t)f->limit_bytes);
		f->limit_bytes -= (int64_t)n;
	}
	str_addn(out, bytes, n);
}

static void show(struct log_filter *f, const char *line, size_t n, struct str *out)
{
	struct log_line l;
	if (!log_line_parse(line, n, &l) || !wanted(f, &l))
		return;
	if (f->timestamps && !f->in_line) {
		emit(f, l.time, l.time_len, out);
		emit(f, " ", 1, out);
	}
	emit(f, l.text, l.len, out);
	if (!l.partial)
		emit(f, "\n", 1, out);
	f->in_line = l.partial;
}

bool log_filter_feed(struct log_filter *f, const char *bytes, size_t n, struct str *out)
{
	while (n && f->limit_bytes != 0) {
		const char *nl = memchr(bytes, '\n', n);
		size_t take = nl ? (size_t)(nl - bytes) : n;
		if (f->rest.len || !nl) {
			if (f->rest.len + take <= LINE_MAX_BYTES)
				str_addn(&f->rest, bytes, take);
			if (nl) {
				show(f, str_text(&f->rest), f->rest.len, out);
				str_reset(&f->rest);
			}
		} else {
			show(f, bytes, take, out);
		}
		take += nl ? 1 : 0;
		bytes += take;
		n -= take;
	}
	return f->limit_bytes != 0;
}

/* Whether the line that begins at the offset ends with the tag of a part. */
static bool is_part(int fd, off_t at)
{
	char head[64];
	ssize_t n = pread(fd, head, sizeof(head), at);
	const char *sp = n > 0 ? memchr(head, ' ', (size_t)n) : NULL;
	return sp && sp + 8 < head + n && sp[8] == 'P';
}

off_t log_tail_offset(int fd, int64_t lines)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return 0;
	if (lines <= 0)
		return st.st_size;
	char chunk[TAIL_CHUNK];
	off_t last = st.st_size; /* the beginning of the line below */
	bool at_end = true;
	for (off_t end = st.st_size; end > 0;) {
		off_t from = end > TAIL_CHUNK ? end - TAIL_CHUNK : 0;
		ssize_t n = pread(fd, chunk, (size_t)(end - from), from);
		if (n <= 0)
			return from;
		for (ssize_t i = n - 1; i >= 0; i--) {
			if (chunk[i] != '\n')
				continue;
			off_t begin = from + i + 1;
			if (!at_end && !is_part(fd, begin) && lines-- == 0)
				return last;
			if (!at_end)
				last = begin;
			at_end = false;
		}
		end = from;
	}
	return lines > 0 || is_part(fd, 0) ? 0 : last;
}

char *log_last_text(const char *path, int64_t max_lines, size_t max_bytes)
{
	AUTO_STR out = STR_INIT;
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return xstrdup("");
	struct log_filter f = LOG_FILTER_INIT;
	char buf[8192];
	off_t at = log_tail_offset(fd, max_lines);
	for (ssize_t n; (n = pread(fd, buf, sizeof(buf), at)) > 0; at += n) {
		(void)log_filter_feed(&f, buf, (size_t)n, &out);
		if (out.len > max_bytes)
			str_consume(&out, out.len - max_bytes);
	}
	log_filter_done(&f);
	return str_take(&out);
}

int log_last_attempt(const char *dir)
{
	int last = -1;
	DIR *d = opendir(dir);
	for (const struct dirent *de; d && (de = readdir(d));) {
		uint32_t n;
		AUTO_FREE char *number = str_has_suffix(de->d_name, ".log") ? xstrndup(de->d_name, strlen(de->d_name) - 4) : NULL;
		if (number && str_to_u32(number, &n) == 0 && n < INT32_MAX)
			last = MAX(last, (int)n);
	}
	if (d)
		closedir(d);
	return last;
}
