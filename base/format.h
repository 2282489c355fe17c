/* Texts from formats, as snprintf() makes them, without its machinery for the few conversions that names and paths need. */
#ifndef KNARR_BASE_FORMAT_H
#define KNARR_BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* As snprintf(): at most size bytes with the final NUL (size 0: none), returns the length of the whole text. Formats of
 * nothing but %s, %.*s, %c, %d, %zu and %% are made here, all others by the C library. */
int format_to(char *ret, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int format_vto(char *ret, size_t size, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

#endif
