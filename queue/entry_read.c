#include "queue/entry.h"

#include "queue/content.h"
#include "queue/entry_place.h"

int entry_read(struct store *store, int64_t entry_id, enum entry_part part, uint32_t position,
	       int (*write)(const void *bytes, size_t size, void *context), void *context,
	       struct error *err)
{
	__attribute__((cleanup(entry_place_clear))) struct entry_place place = {0};
	if (entry_place_find(store, entry_id, part, position, &place, err) != 0)
		return -1;
	if (!place.present)
		return entry_place_missing(store, entry_id, part, position, err);
	if (place.text != NULL)
		return content_write(place.text, place.size_bytes, write, context, err);
	return content_read(store, place.content_id, place.size_bytes, write, context, err);
}
