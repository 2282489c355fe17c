/* Addresses and ranges as text. Purpose: one reading of an address, whatever field it stands in. Happy path: the text is read
 * leniently, written again, and compared. What can fail: the text is none. What always holds: IPv4 inside IPv6 counts as IPv4. */
#include "api/ip_form.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { FORM_MAX = INET6_ADDRSTRLEN + 4 };

/* Four numbers with dots between; zeros may stand in front. */
static bool read_four(const char *text, struct ip_form *f)
{
	for (int i = 0; i < 4; i++) {
		size_t n = strspn(text, "0123456789");
		unsigned long number = strtoul(text, NULL, 10);

		if (!n || n > 9 || number > 255 || text[n] != (i < 3 ? '.' : '\0'))
			return false;
		f->zeros |= n > 1 && *text == '0';
		f->address[i] = (unsigned char)number;
		text += n + 1;
	}
	f->family = 4;
	f->bits = 32;
	return true;
}

bool ip_form_address(const char *text, struct ip_form *ret)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct ip_form f = {.family = 6, .bits = 128};

	if (!text || (!strchr(text, ':') && !read_four(text, &f)) || (strchr(text, ':') && inet_pton(AF_INET6, text, f.address) != 1))
		return false;
	if (f.family == 6 && !memcmp(f.address, mapped, sizeof(mapped))) {
		memmove(f.address, f.address + 12, 4);
		memset(f.address + 4, 0, 12);
		f.family = 4;
		f.mapped = true;
	}
	*ret = f;
	return true;
}

bool ip_form_range(const char *text, struct ip_form *ret)
{
	const char *slash = text ? strchr(text, '/') : NULL;
	AUTO_FREE char *address = slash ? xstrndup(text, (size_t)(slash - text)) : NULL;
	struct ip_form f;
	uint32_t bits;

	if (!slash || !ip_form_address(address, &f) || slash[1] < '0' || slash[1] > '9' || str_to_u32(slash + 1, &bits) < 0)
		return false;
	if (bits > (f.mapped || f.family == 6 ? 128U : 32U) || (f.mapped && bits < 96))
		return false;
	f.zeros |= slash[1] == '0' && slash[2];
	f.bits = (int)bits - (f.mapped ? 96 : 0);
	*ret = f;
	return true;
}

static const char *address_text(const struct ip_form *f, char text[FORM_MAX])
{
	return inet_ntop(f->family == 4 ? AF_INET : AF_INET6, f->address, text, FORM_MAX);
}

static struct ip_form network_of(const struct ip_form *f)
{
	struct ip_form out = *f;

	for (int i = f->bits; i < (f->family == 4 ? 32 : 128); i++)
		out.address[i / 8] &= (unsigned char)~(0x80 >> i % 8);
	return out;
}

static char *range_text(const struct ip_form *f)
{
	char text[FORM_MAX];

	return xasprintf("%s/%d", address_text(f, text), f->bits);
}

static char *not_canonical(const char *text, const char *form)
{
	return strcmp(text, form) ? xasprintf("must be in canonical form (\"%s\")", form) : NULL;
}

static const char *address_problem(const char *text, struct ip_form *ret)
{
	if (!ip_form_address(text, ret))
		return "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
	if (ret->zeros)
		return "must not have leading 0s";
	return ret->mapped ? "must not be an IPv4-mapped IPv6 address" : NULL;
}

static const char *range_problem(const char *text, struct ip_form *ret)
{
	if (!ip_form_range(text, ret))
		return "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
	struct ip_form network = network_of(ret);
	if (ret->zeros)
		return "must not have leading 0s in IP or prefix length";
	if (ret->mapped)
		return "must not have an IPv4-mapped IPv6 address";
	return memcmp(network.address, ret->address, sizeof(ret->address)) ? "must not have bits set beyond the prefix length" : NULL;
}

static char *copy_of(const char *why)
{
	return why ? xstrdup(why) : NULL;
}

char *ip_form_address_problem(const char *text)
{
	char form[FORM_MAX];
	struct ip_form f;
	const char *why = address_problem(text, &f);

	return why ? xstrdup(why) : not_canonical(text, address_text(&f, form));
}

char *ip_form_range_problem(const char *text)
{
	struct ip_form f;
	const char *why = range_problem(text, &f);
	AUTO_FREE char *form = why ? NULL : range_text(&f);

	return why ? xstrdup(why) : not_canonical(text, form);
}

char *ip_form_loose_address_problem(const char *text)
{
	struct ip_form f;

	return copy_of(address_problem(text, &f));
}

char *ip_form_loose_range_problem(const char *text)
{
	struct ip_form f;

	return copy_of(range_problem(text, &f));
}

char *ip_form_interface_problem(const char *text)
{
	struct ip_form f;

	if (!ip_form_range(text, &f))
		return xstrdup("must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)");
	AUTO_FREE char *form = range_text(&f);
	return not_canonical(text, form);
}

/* Takes text. */
static void warn(char ***warnings, char *text)
{
	AUTO_FREE char *owned = text;

	strv_add(warnings, owned);
}

void ip_form_address_warn(const char *path, const char *text, char ***warnings)
{
	char form[FORM_MAX];
	struct ip_form f;

	if (!ip_form_address(text, &f) || !strcmp(address_text(&f, form), text))
		return;
	if (f.zeros || f.mapped)
		warn(warnings, xasprintf("%s: non-standard IP address \"%s\" will be considered invalid in a future Kubernetes release: use \"%s\"", path,
					 text, form));
	else
		warn(warnings, xasprintf("%s: IPv6 address \"%s\" should be in RFC 5952 canonical format (\"%s\")", path, text, form));
}

void ip_form_range_warn(const char *path, const char *text, char ***warnings)
{
	struct ip_form f;

	if (!ip_form_range(text, &f))
		return;
	struct ip_form network = network_of(&f), single = f;
	single.bits = f.family == 4 ? 32 : 128;
	AUTO_FREE char *whole = range_text(&network), *one = range_text(&single);
	bool ambiguous = memcmp(network.address, f.address, sizeof(f.address)) != 0;
	if (ambiguous)
		warn(warnings, xasprintf("%s: CIDR value \"%s\" is ambiguous in this context (should be \"%s\" or \"%s\"?)", path, text, whole, one));
	if (f.zeros || f.mapped)
		warn(warnings, xasprintf("%s: non-standard CIDR value \"%s\" will be considered invalid in a future Kubernetes release: use \"%s\"", path,
					 text, whole));
	else if (!ambiguous && strcmp(whole, text))
		warn(warnings, xasprintf("%s: IPv6 CIDR value \"%s\" should be in RFC 5952 canonical format (\"%s\")", path, text, whole));
}
