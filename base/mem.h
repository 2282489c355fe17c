/* Memory and cleanup helpers: allocations that abort on failure, scope-bound cleanup, ownership transfer. */
#ifndef KNARR_BASE_MEM_H
#define KNARR_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

/* Small allocations abort the process when memory is out; callers bound sizes that come from input first. */
#define NEVER_NULL __attribute__((returns_nonnull))
void *xmalloc(size_t size) NEVER_NULL;
void *xcalloc(size_t n, size_t size) NEVER_NULL;
void *xrealloc(void *p, size_t size) NEVER_NULL;
void *xreallocarray(void *p, size_t n, size_t size) NEVER_NULL;
char *xstrdup(const char *s); /* NULL gives NULL */
char *xstrndup(const char *s, size_t n) NEVER_NULL;
void *xmemdup(const void *p, size_t n) NEVER_NULL;
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2))) NEVER_NULL;
char *xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0))) NEVER_NULL;

/* Runs fn(&variable) when the variable leaves its scope. */
#define AUTO(fn) __attribute__((cleanup(fn)))
/* Hands the value on and leaves NULL behind, so that AUTO cleanup does nothing. */
#define TAKE(p)                                                                                                        \
	({                                                                                                             \
		__typeof__(p) *take_ = &(p);                                                                           \
		__typeof__(p) value_ = *take_;                                                                         \
		*take_ = NULL;                                                                                         \
		value_;                                                                                                \
	})
/* As TAKE, for a descriptor: leaves -1 behind. */
#define TAKE_FD(fd)                                                                                                    \
	({                                                                                                             \
		int *take_ = &(fd);                                                                                    \
		int value_ = *take_;                                                                                   \
		*take_ = -1;                                                                                           \
		value_;                                                                                                \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#undef MIN /* <sys/param.h> has the same */
#undef MAX
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Cleanup functions for AUTO(). */
void free_ptr(void *pp);     /* any heap pointer: AUTO(free_ptr) char *s */
void close_fd(int *fd);      /* closes when >= 0, keeps errno */
void free_strv(char ***strv); /* NULL-terminated vector of owned strings */

#define AUTO_FREE AUTO(free_ptr)
#define AUTO_FD AUTO(close_fd)
#define AUTO_STRV AUTO(free_strv)

/* NULL-terminated string vectors. strv_add() appends a copy; a NULL vector is an empty one. */
static inline size_t strv_len(char *const *strv)
{
	size_t n = 0;
	while (strv && strv[n])
		n++;
	return n;
}
void strv_add(char ***strv, const char *s);
char **strv_dup(char *const *strv);
int strv_has(char *const *strv, const char *s);

#endif
