/* Errors: a negative errno plus a text that grows by one "which object" per layer. */
#ifndef KNARR_BASE_ERR_H
#define KNARR_BASE_ERR_H

/* Caller's storage; every function taking one accepts NULL. Success leaves it alone. */
struct err {
	int code; /* negative errno, 0 while unset */
	char text[1024];
};

#define ERR_INIT ((struct err){ 0 })

/* Sets code and text, returns code (which must be negative). */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The kernel's reason in words, as they stand inside a sentence ("no such file or directory"); code with either sign.
 * Valid until the thread's next call. */
const char *err_reason(int code);
/* As err_set(-errno), with ": reason" behind the text. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As err_sys() for a given negative errno. */
int err_code(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts "fmt: " before the text that a lower layer left (the reason where it left none), returns code. */
int err_wrap(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#ifdef __clang_analyzer__ /* what the words above promise */
#define ERR_NEGATIVE(call)                                                                                             \
	({                                                                                                             \
		int code_ = (call);                                                                                    \
		if (code_ >= 0)                                                                                        \
			__builtin_unreachable();                                                                       \
		code_;                                                                                                 \
	})
#define err_set(...) ERR_NEGATIVE((err_set)(__VA_ARGS__))
#define err_sys(...) ERR_NEGATIVE((err_sys)(__VA_ARGS__))
#define err_code(...) ERR_NEGATIVE((err_code)(__VA_ARGS__))
#define err_wrap(...) ERR_NEGATIVE((err_wrap)(__VA_ARGS__))
#endif

/* The text, or a general word where there is none. Valid until e changes. */
const char *err_text(const struct err *e);

#endif
