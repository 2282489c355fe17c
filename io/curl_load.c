/* Loading libcurl when it is needed.
 *
 * Happy path: the library is opened by its soname, its functions are looked up, and it is initialised; later calls return
 * at once. What can fail: a library that is not installed or too old (-ELIBACC; the next call tries again). What always
 * holds: the table is either full or not used; the library stays until the process ends. */
#include "io/curl_load.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

struct curl_functions curl;

static const char *const names[] = {
#define X(name) "curl_" #name,
    CURL_FUNCTIONS(X)
#undef X
};

_Static_assert(sizeof(curl) == ARRAY_LEN(names) * sizeof(void *), "a table of pointers");

int curl_load(struct err *e)
{
	static bool loaded;
	void *found[ARRAY_LEN(names)];
	if (loaded)
		return 0;
	void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		found[i] = library ? dlsym(library, names[i]) : NULL;
		if (found[i])
			continue;
		err_set(e, -ELIBACC, "cannot load libcurl: %s", dlerror());
		if (library)
			dlclose(library);
		return -ELIBACC;
	}
	memcpy(&curl, found, sizeof(curl));
	if (curl.global_init(CURL_GLOBAL_DEFAULT))
		return err_set(e, -ENOMEM, "cannot initialise libcurl");
	loaded = true;
	return 0;
}
