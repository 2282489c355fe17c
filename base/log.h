/* Logging: one line an event to standard error, "message key=value ...", called only by whoever handles the event. */
#ifndef KNARR_BASE_LOG_H
#define KNARR_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Names the program in each line and sets the most verbose level that is printed (default: info). */
void log_init(const char *program, enum log_level level);
enum log_level log_level(void);
/* fmt is "what happened key=%s other=%d". Never pass a secret. */
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                                                 \
	do {                                                                                                           \
		if (log_level() >= LOG_LEVEL_DEBUG)                                                                    \
			log_write(LOG_LEVEL_DEBUG, __VA_ARGS__);                                                       \
	} while (0)

#endif
