/* Processes.
 *
 * Happy path: one small file of /proc is read. What can fail: the process is gone (-ESRCH). What always holds: a command
 * name with spaces or parentheses is not mistaken for fields. */
#include "base/proc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

enum { FIELD_START_TIME = 22 };

int proc_stat(pid_t pid, char *ret_letter, uint64_t *ret_start_time)
{
	char path[40];
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	AUTO_STR text = STR_INIT;
	if (pid <= 0 || fs_read_file(path, 8192, &text, NULL) < 0)
		return -ESRCH;
	const char *p = strrchr(str_text(&text), ')'); /* the name before it may hold anything */
	if (!p || !p[1] || !p[2])
		return -ESRCH;
	*ret_letter = p[2];
	p += 2;
	for (int field = 3; p && field < FIELD_START_TIME; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	*ret_start_time = p ? strtoull(p, NULL, 10) : 0;
	return 0;
}

bool proc_is_alive(pid_t pid)
{
	char letter;
	uint64_t start;
	return proc_stat(pid, &letter, &start) == 0 && letter != 'Z' && letter != 'X';
}

pid_t proc_read_pid_file(const char *path)
{
	AUTO_STR text = STR_INIT;
	int64_t pid;
	int r = fs_read_file(path, 64, &text, NULL);
	if (r < 0)
		return r;
	if (text.len)
		text.p[strcspn(text.p, "\n")] = '\0';
	return str_to_i64(str_text(&text), &pid) < 0 || pid < 2 || pid > INT32_MAX ? -EINVAL : (pid_t)pid;
}

void proc_unescape(char *s)
{
	char *to = s;
	for (; *s; s++, to++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to = *s;
		}
	}
	*to = '\0';
}
