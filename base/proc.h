/* Other processes, as /proc and pid files show them. */
#ifndef KNARR_BASE_PROC_H
#define KNARR_BASE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* State letter and start time (clock ticks since boot) of a process: together with the pid they name it for good.
 * proc(5), stat. -ESRCH. */
int proc_stat(pid_t pid, char *ret_letter, uint64_t *ret_start_time);
/* It exists and has not ended; a zombie has. */
bool proc_is_alive(pid_t pid);
/* The decimal number in a pid file, above 1; -EINVAL where it holds anything else, and what fs_read_file() fails with. */
pid_t proc_read_pid_file(const char *path);
/* Undoes, in place, the octal escapes of names in mountinfo and mounts ("\040"). proc_pid_mountinfo(5). */
void proc_unescape(char *s);

#endif
