/* The way of a request. Happy path: the zone knows the name. An alias to a name outside is followed by asking for its
 * target; a name that a pod's search path made and that is not there is looked for along the rest of that path, so that the
 * pod need not ask again and again; what is not ours is asked of other servers. What can fail: malformed requests and
 * what is not supported are refused by code; where no server answers it is SERVFAIL. What always holds: each request that
 * has an id gets one reply. */
#include "dns/resolver.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "dns/cache.h"

enum { KEPT_BYTES = 2 << 20, ALIASES_MAX = 8, CLASS_IN = 1, TYPE_TRANSFERS = 251, TYPE_AXFR = 252 };

struct resolver {
	struct resolver_config config;
	char **searches;
	struct cache *kept; /* replies from the zone, and along search paths, of one generation of the zone */
	uint64_t kept_generation;
	char *probe; /* the name that is asked for to find loops; NULL: none under way */
	bool looped;
	void (*on_probe)(void *arg, bool looped);
	void *probe_arg;
	unsigned turn; /* whose turn it is to be the first of several addresses */
	uint64_t shortened;
};

/* A request on its way; on the stack until it has to wait. */
struct job {
	struct resolver *r;
	struct question q, current; /* what the client asked; what is looked for now */
	struct ip client;
	struct job *kept; /* itself, once it has had to wait; NULL: on the stack */
	bool tcp, pathed, forwarded; /* pathed: current is a candidate of the search path */
	size_t request_len;
	int64_t began_us;
	size_t aliases;
	char *base; /* the name without its search domain, owned; NULL: there is none to try */
	char *ns;   /* of that search domain, owned */
	uint32_t ttl_s; /* how long what other servers have said so far holds */
	size_t candidate;
	ldns_rr_list *answer, *extra;
	resolver_fn fn;
	void *arg;
};

static void run(struct job *j);

static size_t limit_of(const struct job *j)
{
	return j->tcp ? MESSAGE_MAX : j->q.udp_size;
}

static void count(const struct job *j, const uint8_t *bytes, size_t len)
{
	struct meter_reply m = {.family = j->client.family,
				.type = j->q.type,
				.rcode = bytes[3] & 15,
				.tcp = j->tcp,
				.forwarded = j->forwarded,
				.request_bytes = j->request_len,
				.reply_bytes = len,
				.us = clock_mono_us() - j->began_us};
	meter_reply(j->r->config.meter, &m);
}

static void job_end(struct job *j, const uint8_t *bytes, size_t len)
{
	struct job done = *j;
	if (len && done.r->config.meter)
		count(&done, bytes, len);
	ldns_rr_list_deep_free(done.answer);
	ldns_rr_list_deep_free(done.extra);
	free(done.base);
	free(done.ns);
	free(done.kept);
	done.fn(done.arg, len ? bytes : NULL, len);
}

/* Several addresses of one name take turns in being the first. */
static void rotate(struct resolver *r, ldns_rr_list *list)
{
	size_t n = ldns_rr_list_rr_count(list), by = n > 1 ? r->turn++ % n : 0;
	ldns_rr_type type = n ? ldns_rr_get_type(ldns_rr_list_rr(list, 0)) : 0;
	if (type != LDNS_RR_TYPE_A && type != LDNS_RR_TYPE_AAAA)
		return;
	for (; by; by--) {
		ldns_rr *last = ldns_rr_list_rr(list, n - 1);
		for (size_t i = n - 1; i > 0; i--)
			ldns_rr_list_set_rr(list, ldns_rr_list_rr(list, i - 1), i);
		ldns_rr_list_set_rr(list, last, 0);
	}
}

static void reply(struct job *j, int rcode, bool authoritative, ldns_rr_list *authority)
{
	AUTO_FREE uint8_t *buf = xmalloc(limit_of(j));
	rotate(j->r, j->answer);
	struct reply r = {.rcode = rcode, .authoritative = authoritative, .answer = j->answer, .authority = authority, .extra = j->extra};
	job_end(j, buf, message_build(&j->q, &r, limit_of(j), buf));
}

/* A reply in the form in which it is kept goes out, age_s later. */
static void reply_kept(struct job *j, const struct message *m, uint32_t age_s)
{
	uint8_t datagram[DNS_UDP_MAX];
	AUTO_FREE uint8_t *more = j->tcp ? xmalloc(limit_of(j)) : NULL;
	uint8_t *buf = more ? more : datagram;
	job_end(j, buf, message_relay(&j->q, m, age_s, limit_of(j), buf));
}

/* The key under which a reply is kept: of everybody, or of those whose search path begins with a namespace. */
static char *key_of(const struct job *j, const char *ns)
{
	char key[QUESTION_KEY_MAX];
	question_key(&j->q, key);
	return xasprintf("%s %s", ns, key);
}

/* Replies, and keeps the reply as long as what it stands on. */
static void reply_and_keep(struct job *j, const struct reply *r)
{
	struct message m;
	uint32_t ttl_s = MIN(j->ttl_s, (uint32_t)CACHE_TTL_MAX_S);
	struct cache *kept = j->r->kept;
	if (message_keep(&j->q, r, &m) < 0) {
		reply(j, LDNS_RCODE_SERVFAIL, false, NULL);
		return;
	}
	AUTO_FREE char *key = key_of(j, j->pathed ? j->ns : "");
	reply_kept(j, &m, 0);
	m.ttl_s = ttl_s;
	cache_put(kept, key, &m, clock_mono_ms());
}

/* The zone's word, with its SOA where there is no record. */
static void reply_zone(struct job *j, int rcode)
{
	ldns_rr_list *authority = ldns_rr_list_new();
	ldns_rr *soa = ldns_rr_list_rr_count(j->answer) ? NULL : zone_soa(j->r->config.zone);
	if (soa)
		ldns_rr_list_push_rr(authority, soa);
	struct reply r = {.rcode = rcode, .authoritative = true, .answer = j->answer, .authority = authority, .extra = j->extra};
	if (ldns_rr_list_rr_count(j->answer) > 1 || j->aliases) /* they take turns */
		reply(j, rcode, true, authority);
	else
		reply_and_keep(j, &r);
	ldns_rr_list_deep_free(authority);
}

/* What another server answered, behind the aliases that led there. */
static void reply_joined(struct job *j, const struct message *m)
{
	ldns_pkt *p = message_packet(m);
	if (!p) {
		reply(j, LDNS_RCODE_SERVFAIL, false, NULL);
		return;
	}
	const ldns_rr_list *found = ldns_pkt_answer(p);
	for (size_t i = 0; i < ldns_rr_list_rr_count(found); i++)
		ldns_rr_list_push_rr(j->answer, ldns_rr_clone(ldns_rr_list_rr(found, i)));
	struct reply r = {.rcode = m->rcode, .answer = j->answer, .authority = ldns_pkt_authority(p)};
	if (j->pathed)
		reply_and_keep(j, &r);
	else
		reply(j, m->rcode, false, r.authority);
	ldns_pkt_free(p);
}

static void add_alias(struct job *j, const char *target)
{
	ldns_rr *rr = ldns_rr_new();
	ldns_rr_set_owner(rr, ldns_dname_new_frm_data((uint16_t)j->q.name_len, j->q.name));
	ldns_rr_set_type(rr, LDNS_RR_TYPE_CNAME);
	ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
	ldns_rr_set_ttl(rr, ZONE_TTL_S);
	struct question to;
	if (question_rename(&j->q, target, &to) < 0) {
		ldns_rr_free(rr);
		return;
	}
	ldns_rr_push_rdf(rr, ldns_dname_new_frm_data((uint16_t)to.name_len, to.name));
	ldns_rr_list_push_rr(j->answer, rr);
}

/* The next name of the search path into current; false: there are no more. */
static bool next_candidate(struct job *j)
{
	const char *domain = zone_domain(j->r->config.zone);
	size_t n = strv_len(j->r->searches);
	j->pathed = true;
	while (j->candidate < n + 3) {
		size_t i = j->candidate++;
		AUTO_FREE char *name = i == 0       ? xasprintf("%s.svc.%s", j->base, domain)
				       : i == 1     ? xasprintf("%s.%s", j->base, domain)
				       : i == n + 2 ? xstrdup(j->base)
						    : xasprintf("%s.%s", j->base, j->r->searches[i - 2]);
		if (question_rename(&j->q, name, &j->current) == 0)
			return true;
	}
	return false;
}

/* "www.example.com.<namespace>.svc.<domain>" of a pod in that namespace: keeps what is in front. */
static bool has_path(struct job *j)
{
	const struct resolver_config *c = &j->r->config;
	if (j->base || (j->q.type != LDNS_RR_TYPE_A && j->q.type != LDNS_RR_TYPE_AAAA) ||
	    !str_has_suffix(j->q.text, zone_domain(c->zone)))
		return j->base;
	const char *ns = c->namespace_of ? c->namespace_of(c->arg, &j->client) : NULL;
	AUTO_FREE char *tail = ns ? xasprintf(".%s.svc.%s", ns, zone_domain(c->zone)) : NULL;
	if (!ns || !str_has_suffix(j->q.text, tail) || strlen(j->q.text) == strlen(tail))
		return false;
	j->base = xstrndup(j->q.text, strlen(j->q.text) - strlen(tail));
	j->ns = xstrdup(ns);
	return true;
}

/* A reply that was kept, if the names still mean the same. */
static bool answer_kept(struct job *j)
{
	struct resolver *r = j->r;
	uint32_t age = 0;
	if (r->kept_generation != zone_generation(r->config.zone))
		cache_clear(r->kept);
	r->kept_generation = zone_generation(r->config.zone);
	AUTO_FREE char *key = key_of(j, "");
	const struct message *m = cache_get(r->kept, key, clock_mono_ms(), &age);
	if (m && (m->rcode == LDNS_RCODE_NOERROR || !has_path(j))) {
		reply_kept(j, m, 0);
		return true;
	}
	if (!m && !has_path(j))
		return false;
	AUTO_FREE char *of_path = key_of(j, j->ns);
	m = cache_get(r->kept, of_path, clock_mono_ms(), &age);
	if (!m)
		return false;
	r->shortened += m->rcode == LDNS_RCODE_NOERROR;
	reply_kept(j, m, age);
	return true;
}

static void on_upstream(void *arg, const struct message *m, uint32_t age_s)
{
	struct job *j = arg;
	if (m)
		j->ttl_s = MIN(j->ttl_s, m->ttl_s > age_s ? m->ttl_s - age_s : 0);
	if (!m) {
		reply(j, LDNS_RCODE_SERVFAIL, false, NULL);
	} else if (j->pathed && m->rcode == LDNS_RCODE_NXDOMAIN) {
		run(j);
	} else if (j->pathed || j->aliases) {
		if (j->pathed)
			add_alias(j, j->current.text);
		j->r->shortened += j->pathed;
		reply_joined(j, m);
	} else {
		reply_kept(j, m, age_s);
	}
}

static void forward(struct job *j)
{
	struct job *kept = j->kept;
	if (!kept) {
		kept = xmemdup(j, sizeof(*j));
		kept->kept = kept;
	}
	kept->forwarded = true;
	upstream_ask(kept->r->config.upstream, &kept->current, on_upstream, kept);
}

/* The target of the last alias into current. */
static bool follow(struct job *j)
{
	const ldns_rr *last = ldns_rr_list_rr(j->answer, ldns_rr_list_rr_count(j->answer) - 1);
	AUTO_FREE char *target = ldns_rdf2str(ldns_rr_rdf(last, 0));
	size_t n = strlen(target);
	if (n && target[n - 1] == '.')
		target[n - 1] = '\0';
	for (char *p = target; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return j->aliases++ < ALIASES_MAX && question_rename(&j->q, target, &j->current) == 0;
}

/* A name of the path that is there, if it has what is asked for. */
static bool is_found(struct job *j, size_t before)
{
	if (!j->pathed)
		return true;
	if (ldns_rr_list_rr_count(j->answer) == before)
		return false;
	ldns_rr_list *found = j->answer;
	j->answer = ldns_rr_list_new();
	add_alias(j, j->current.text);
	ldns_rr_list_cat(j->answer, found);
	ldns_rr_list_free(found);
	j->r->shortened++;
	return true;
}

/* Goes on until there is a reply, or another server is asked. */
static void run(struct job *j)
{
	const struct zone *z = j->r->config.zone;
	for (;;) {
		if (j->pathed && !j->aliases && !next_candidate(j)) {
			reply_zone(j, LDNS_RCODE_NXDOMAIN);
			return;
		}
		size_t before = ldns_rr_list_rr_count(j->answer);
		enum zone_result result = zone_lookup(z, j->current.text, (ldns_rr_type)j->current.type, j->answer, j->extra);
		if (result == ZONE_FOREIGN) {
			forward(j);
			return;
		}
		if (result == ZONE_ALIAS) {
			if (!is_found(j, before) || !follow(j)) {
				reply(j, LDNS_RCODE_SERVFAIL, true, NULL);
				return;
			}
			j->pathed = false;
		} else if (result == ZONE_FOUND && is_found(j, before)) {
			reply_zone(j, LDNS_RCODE_NOERROR);
			return;
		} else if (result == ZONE_NXDOMAIN && (j->aliases || (!j->pathed && !has_path(j)))) {
			reply_zone(j, LDNS_RCODE_NXDOMAIN);
			return;
		} else {
			j->pathed = true;
		}
	}
}

/* What is refused without a look at the name; -1: nothing. */
static int refusal(const struct question *q)
{
	if (q->opcode != 0)
		return LDNS_RCODE_NOTIMPL;
	if (q->edns && q->edns_version != 0)
		return RCODE_BADVERS;
	if (q->class != CLASS_IN || q->type == TYPE_AXFR || q->type == TYPE_TRANSFERS)
		return LDNS_RCODE_REFUSED;
	return -1;
}

void resolver_answer(struct resolver *r, const uint8_t *p, size_t len, bool tcp, const struct ip *client, resolver_fn fn,
		     void *arg)
{
	struct job j = {.r = r, .client = *client, .tcp = tcp, .request_len = len, .ttl_s = UINT32_MAX, .fn = fn, .arg = arg};
	int error = question_parse(p, len, &j.q);
	if (error == -EBADMSG) {
		fn(arg, NULL, 0);
		return;
	}
	j.began_us = r->config.meter ? clock_mono_us() : 0;
	int rcode = error ? LDNS_RCODE_FORMERR : refusal(&j.q);
	if (r->probe && strcmp(j.q.text, r->probe) == 0)
		r->looped = true;
	if (rcode >= 0) {
		reply(&j, rcode, false, NULL);
		return;
	}
	if (answer_kept(&j))
		return;
	j.answer = ldns_rr_list_new();
	j.extra = ldns_rr_list_new();
	j.current = j.q;
	run(&j);
}

struct resolver *resolver_new(const struct resolver_config *c)
{
	struct resolver *r = xcalloc(1, sizeof(*r));
	r->config = *c;
	r->kept = cache_new(KEPT_BYTES);
	return r;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	free_strv(&r->searches);
	cache_free(r->kept);
	free(r->probe);
	free(r);
}

void resolver_set_searches(struct resolver *r, char *const *searches)
{
	free_strv(&r->searches);
	cache_clear(r->kept);
	r->searches = searches ? strv_dup(searches) : NULL;
}

uint64_t resolver_shortened(const struct resolver *r)
{
	return r->shortened;
}

static void on_probed(void *arg, const struct message *m, uint32_t age_s)
{
	struct resolver *r = arg;
	(void)m;
	(void)age_s;
	free(TAKE(r->probe));
	r->on_probe(r->probe_arg, r->looped);
}

void resolver_probe_loop(struct resolver *r, void (*fn)(void *arg, bool looped), void *arg)
{
	char id[40];
	struct question q = {.type = LDNS_RR_TYPE_TXT, .class = CLASS_IN, .recursion_desired = true}, probe;
	r->probe = xasprintf("%s.loop.%s", rand_uuid(id), zone_domain(r->config.zone));
	r->looped = false;
	r->on_probe = fn;
	r->probe_arg = arg;
	if (question_rename(&q, r->probe, &probe) == 0)
		upstream_ask(r->config.upstream, &probe, on_probed, r);
}
