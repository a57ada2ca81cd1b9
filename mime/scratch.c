#include "mime/scratch.h"

#include <glib.h>
#include <string.h>

static void scratch_to_file(struct scratch *scratch)
{
	scratch->file_offset = mime_output_tell(scratch->output);
	if (scratch->size > 0)
		mime_output_write(scratch->output, scratch->memory, (size_t)scratch->size);
	scratch->in_file = true;
	g_clear_pointer(&scratch->memory, g_free);
}

static void scratch_write(struct sink *sink, const void *bytes, size_t length)
{
	struct scratch *scratch = (struct scratch *)sink;

	if (!scratch->in_file && scratch->size + length > SCRATCH_MEMORY)
		scratch_to_file(scratch);
	if (scratch->in_file) {
		mime_output_write(scratch->output, bytes, length);
	} else {
		if (scratch->size + length > scratch->capacity) {
			scratch->capacity =
			    MAX(2 * scratch->capacity, (size_t)scratch->size + length);
			scratch->memory = g_realloc(scratch->memory, scratch->capacity);
		}
		memcpy(scratch->memory + scratch->size, bytes, length);
	}
	scratch->size += length;
}

void scratch_init(struct scratch *scratch, struct mime_output *output)
{
	*scratch = (struct scratch){.sink = {scratch_write}, .output = output};
}

void scratch_clear(struct scratch *scratch)
{
	g_clear_pointer(&scratch->memory, g_free);
}

size_t scratch_read(struct scratch *scratch, uint64_t offset, void *bytes, size_t length)
{
	if (offset >= scratch->size)
		return 0;
	length = (size_t)MIN((uint64_t)length, scratch->size - offset);
	if (scratch->in_file)
		return output_read(scratch->output, scratch->file_offset + offset, bytes, length);
	memcpy(bytes, scratch->memory + offset, length);
	return length;
}
