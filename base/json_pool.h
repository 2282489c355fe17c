/* Memory of JSON values from slabs: a tree of thousands of small pieces comes and goes with every request. */
#ifndef KNARR_BASE_JSON_POOL_H
#define KNARR_BASE_JSON_POOL_H

/* From now on jansson's memory is of the pool on the calling thread; other threads go on with malloc() and must not free
 * values of this one. To be called before the first value is made. Nothing under the address sanitizer. */
void json_pool_use(void);

#endif
