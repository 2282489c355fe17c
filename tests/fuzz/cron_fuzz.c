/* Foreign schedules: the time that comes next is later, and in whole minutes. The first four bytes choose the time. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/cron.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t now;
	struct cron c;
	if (size < sizeof(now))
		return 0;
	memcpy(&now, data, sizeof(now));
	AUTO_FREE char *text = xstrndup((const char *)data + sizeof(now), size - sizeof(now));
	if (cron_parse(text, &c, NULL) < 0)
		return 0;
	time_t next = cron_next(&c, now, gmtime_r, timegm);
	if (next && (next <= now || (!c.every_s && next % 60)))
		abort();
	return 0;
}
