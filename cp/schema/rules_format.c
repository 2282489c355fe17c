/* Formats of texts. Purpose: what the keyword "format" promises. Happy path: find the format's pattern or function and
 * ask it. Patterns are compiled on first use and kept. Nothing fails; formats that nobody knows accept everything. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/names.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/schema/rules_internal.h"

static bool is_date_time(const char *s)
{
	int64_t us;

	return rfc3339_parse(s, &us) == 0;
}

static bool is_ipv4(const char *s)
{
	char to[16];

	return inet_pton(AF_INET, s, to) == 1;
}

static bool is_ipv6(const char *s)
{
	char to[16];

	return inet_pton(AF_INET6, s, to) == 1;
}

static bool is_cidr(const char *s)
{
	const char *slash = strchr(s, '/');
	AUTO_FREE char *ip = slash ? xstrndup(s, (size_t)(slash - s)) : NULL;
	uint32_t bits;

	if (!ip || str_to_u32(slash + 1, &bits) < 0 || (slash[1] == '0' && slash[2]))
		return false;
	return is_ipv4(ip) ? bits <= 32 : is_ipv6(ip) && bits <= 128;
}

static bool is_byte(const char *s)
{
	AUTO_STR out = STR_INIT;

	return *s && base64_decode(&out, s, strlen(s)) == 0;
}

static bool is_label(const char *s)
{
	return name_check_label(s) == NULL;
}

static bool is_subdomain(const char *s)
{
	return name_check_subdomain(s) == NULL;
}

/* "2024-02-29": a day that there was. */
static bool is_date(const char *s)
{
	struct tm day = {0};
	const char *end = strptime(s, "%Y-%m-%d", &day);
	int of_month = day.tm_mday;

	return end && !*end && strlen(s) == 10 && timegm(&day) != -1 && day.tm_mday == of_month; /* it becomes one of the next month */
}

/* Digits weighed from the right by 1 and 2 (Luhn). */
static bool is_weighed(const char *digits)
{
	size_t n = strlen(digits), sum = 0;

	for (size_t i = 0; i < n; i++) {
		size_t d = (size_t)(digits[n - 1 - i] - '0') << (i & 1);
		sum += d > 9 ? d - 9 : d;
	}
	return sum % 10 == 0;
}

/* The text without the spaces and dashes that may part it. Owned. */
static char *unparted(const char *s)
{
	struct str out = STR_INIT;

	for (; *s; s++)
		if (*s != ' ' && *s != '-')
			str_addc(&out, *s);
	return str_take(&out);
}

static bool is_credit_card(const char *s)
{
	AUTO_FREE char *digits = unparted(s);

	return is_weighed(digits);
}

/* Sums of weighed digits: 10 to 1 and 11 for the short form, whose last may be X, 1 and 3 and 10 for the long one. */
static bool is_isbn(const char *s)
{
	AUTO_FREE char *digits = unparted(s);
	size_t n = strlen(digits), sum = 0;

	for (size_t i = 0; i < n; i++) {
		size_t d = digits[i] == 'X' ? 10 : (size_t)(digits[i] - '0');
		sum += d * (n == 10 ? 10 - i : i % 2 ? 3 : 1);
	}
	return sum % (n == 10 ? 11 : 10) == 0;
}

/* No label is longer than 63 bytes, nor the whole than 255. */
static bool is_short_enough(const char *s)
{
	size_t whole = strlen(s);

	for (size_t n; (n = strcspn(s, ".")) <= 63; s += n + 1)
		if (!s[n])
			return whole <= 255;
	return false;
}

static bool is_anything(const char *s)
{
	(void)s;
	return true;
}

#define HEX "[0-9a-fA-F]"
#define UUID(version, variant)                                                                                         \
	"^" HEX "{8}-?" HEX "{4}-?" version HEX "{3}-?" variant HEX "{3}-?" HEX "{12}$"

static struct format {
	const char *name;
	bool (*holds)(const char *s); /* of what fits the pattern */
	const char *pattern;
	pcre2_code *compiled;
} formats[] = {
    {.name = "date-time", .holds = is_date_time},
    {.name = "datetime", .holds = is_date_time},
    {.name = "date", .holds = is_date},
    {.name = "duration",
     .pattern = "^([-+]?((\\d+(\\.\\d*)?|\\.\\d+)(ns|us|\xc2\xb5s|\xce\xbcs|ms|s|m|h))+|[-+]?0|"
		"(?i)(\\d+\\s*(ns|us|\xc2\xb5s|nanos?|nanoseconds?|micros?|microseconds?|ms|millis?|milliseconds?|s|secs?|"
		"seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?)\\s*)+)$"},
    {.name = "ipv4", .holds = is_ipv4},
    {.name = "ipv6", .holds = is_ipv6},
    {.name = "cidr", .holds = is_cidr},
    {.name = "byte", .holds = is_byte},
    {.name = "password", .holds = is_anything},
    {.name = "uri", .pattern = "^([a-zA-Z][a-zA-Z0-9+.-]*:.+|/.*)$"},
    {.name = "email", .pattern = "^[^@\\s<>]+@[^@\\s<>]+$"},
    {.name = "hostname",
     .holds = is_short_enough,
     .pattern = "^([a-zA-Z0-9\\p{S}\\p{L}](-?[a-zA-Z0-9\\p{S}\\p{L}]{0,62})?|([a-zA-Z0-9\\p{S}\\p{L}]([-a-zA-Z0-9\\p{S}\\p{L}]{0,61}"
		"[a-zA-Z0-9\\p{S}\\p{L}])?\\.)+[a-zA-Z0-9\\p{S}\\p{L}](-?[a-zA-Z0-9\\p{S}\\p{L}]){1,62})$"},
    {.name = "mac",
     .pattern = "^(" HEX "{2}([:-]" HEX "{2}){5}|" HEX "{2}([:-]" HEX "{2}){7}|" HEX "{2}([:-]" HEX "{2}){19}|" HEX
		"{4}(\\." HEX "{4}){2}|" HEX "{4}(\\." HEX "{4}){3}|" HEX "{4}(\\." HEX "{4}){9})$"},
    {.name = "uuid", .pattern = UUID(HEX, HEX)},
    {.name = "uuid3", .pattern = UUID("3", HEX)},
    {.name = "uuid4", .pattern = UUID("4", "[89abAB]")},
    {.name = "uuid5", .pattern = UUID("5", "[89abAB]")},
    {.name = "bsonobjectid", .pattern = "^" HEX "{24}$"},
    {.name = "isbn", .holds = is_isbn, .pattern = "^(\\d[- ]?){9}([\\dX]|([- ]?\\d){4})$"},
    {.name = "isbn10", .holds = is_isbn, .pattern = "^(\\d[- ]?){9}[\\dX]$"},
    {.name = "isbn13", .holds = is_isbn, .pattern = "^(\\d[- ]?){12}\\d$"},
    {.name = "creditcard",
     .holds = is_credit_card,
     .pattern = "^(4\\d{12}(\\d{3})?|5[1-5]\\d{14}|(222[1-9]|22[3-9]\\d|2[3-6]\\d{2}|27[01]\\d|2720)\\d{12}|"
		"6(011|5\\d\\d)\\d{12}|3[47]\\d{13}|3(0[0-5]|[68]\\d)\\d{11}|(2131|1800|35\\d{3})\\d{11}|6[27]\\d{14})$"},
    {.name = "ssn", .pattern = "^\\d{3}[- ]?\\d{2}[- ]?\\d{4}$"},
    {.name = "hexcolor", .pattern = "^#?(" HEX "{3}|" HEX "{6})$"},
    {.name = "rgbcolor",
     .pattern = "^rgb\\(\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])\\s*,\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])\\s*,"
		"\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])\\s*\\)$"},
    {.name = "k8s-short-name", .holds = is_label},
    {.name = "k8s-long-name", .holds = is_subdomain},
};

static struct format *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	return NULL;
}

bool rules_format_known(const char *format)
{
	return find(format) != NULL;
}

static bool matches(struct format *f, const char *text)
{
	int code;
	PCRE2_SIZE offset;

	if (!f->compiled)
		f->compiled = pcre2_compile((PCRE2_SPTR)f->pattern, PCRE2_ZERO_TERMINATED,
					    PCRE2_UTF | PCRE2_DOLLAR_ENDONLY, &code, &offset, NULL);
	if (!f->compiled)
		return false;
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(f->compiled, NULL);
	int found = pcre2_match(f->compiled, (PCRE2_SPTR)text, strlen(text), 0, 0, data, NULL);
	pcre2_match_data_free(data);
	return found >= 0;
}

bool rules_format_holds(const char *format, const char *text)
{
	struct format *f = find(format);

	return !f || ((!f->pattern || matches(f, text)) && (!f->holds || f->holds(text)));
}
