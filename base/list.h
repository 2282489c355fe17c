/* Intrusive doubly linked lists: a struct list is both a head and a link. */
#ifndef KNARR_BASE_LIST_H
#define KNARR_BASE_LIST_H

#include <stdbool.h>

#include "base/mem.h"

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_is_empty(const struct list *l)
{
	return l->next == l;
}

/* Appends at the tail of head. */
static inline void list_add(struct list *head, struct list *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

/* Unlinks; the link may be removed again harmlessly. */
static inline void list_remove(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

/* Unlinks the first of a list that is not empty. */
static inline struct list *list_pop(struct list *head)
{
	struct list *l = head->next;
	head->next = l->next;
	l->next->prev = head;
	list_init(l);
	return l;
}

#define LIST_ENTRY(link, type, member) CONTAINER_OF(link, type, member)
/* Safe against removal of the current entry only. */
#define LIST_FOR_EACH(var, head, type, member)                                                                         \
	for (type *var = LIST_ENTRY((head)->next, type, member), *var##_next = LIST_ENTRY(var->member.next, type, member); \
	     &var->member != (head); var = var##_next, var##_next = LIST_ENTRY(var->member.next, type, member))

#endif
