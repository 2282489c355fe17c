/* Names of time zones, as the machine's tz database has them (IANA, tz database; tzfile(5)). */
#ifndef KNARR_API_TIMEZONE_H
#define KNARR_API_TIMEZONE_H

/* NULL where there is such a zone ("Europe/Berlin", "UTC"); else why not, in the original's words, in buf, which has room
 * for n bytes. Where the machine has no database, every name of the right form is taken. */
const char *timezone_check(const char *name, char *buf, unsigned long n);

#endif
