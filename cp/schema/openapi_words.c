/* Descriptions for `kubectl explain` and others. Purpose: who reads an object's documentation finds what all objects share,
 * custom ones too. One table, nothing can fail. The first words are the original's: scripts look for them. */
#include "cp/schema/openapi_words.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

static const struct {
	const char *type, *field, *words;
} table[] = {
    {NULL, "apiVersion", "APIVersion defines the group and version of the schema that this object is written in."},
    {NULL, "kind", "Kind is the name of the type that this object is one of, in CamelCase. It cannot be changed."},
    {NULL, "metadata", "Standard object's metadata."},
    {"meta.v1.ObjectMeta", "name", "Name is unique among the objects of a resource in a namespace. It cannot be changed."},
    {"meta.v1.ObjectMeta", "generateName", "GenerateName is a prefix that the server makes a name of, where none is given."},
    {"meta.v1.ObjectMeta", "namespace", "Namespace is where the object's name has to be unique. It cannot be changed."},
    {"meta.v1.ObjectMeta", "uid", "UID is unique in time and space. The server sets it."},
    {"meta.v1.ObjectMeta", "resourceVersion", "ResourceVersion is another one after each change. To clients it is opaque."},
    {"meta.v1.ObjectMeta", "generation", "Generation counts the changes of what is wanted."},
    {"meta.v1.ObjectMeta", "creationTimestamp", "CreationTimestamp is a timestamp of when the object was made. The server sets it."},
    {"meta.v1.ObjectMeta", "deletionTimestamp", "DeletionTimestamp is when the object goes, once its deletion was asked for."},
    {"meta.v1.ObjectMeta", "deletionGracePeriodSeconds", "How many seconds the object has to end by itself before it goes."},
    {"meta.v1.ObjectMeta", "labels", "Labels are keys and values by which objects are selected."},
    {"meta.v1.ObjectMeta", "annotations", "Annotations are keys and values that tools keep with the object; nothing selects by them."},
    {"meta.v1.ObjectMeta", "ownerReferences", "The objects that this one depends on. When the last of them is gone, it goes too."},
    {"meta.v1.ObjectMeta", "finalizers", "Who has something to do before the object may go. It stays until the list is empty."},
    {"meta.v1.ObjectMeta", "managedFields", "Which manager has set which fields."},
};

const char *openapi_words(const char *type, const char *field)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].field, field) == 0 && (type && table[i].type ? strcmp(table[i].type, type) == 0 : type == table[i].type))
			return table[i].words;
	return NULL;
}
