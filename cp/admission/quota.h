/* The requests that wait for their quotas. */
#ifndef KNARR_CP_ADMISSION_QUOTA_H
#define KNARR_CP_ADMISSION_QUOTA_H

struct admission;
struct quota_book;

struct quota_book *quota_book_new(struct admission *n);
/* After every chain that waited was cancelled, and with nothing of it in the store's hands. NULL is fine. */
void quota_book_free(struct quota_book *b);

#endif
