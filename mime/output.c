/* A buffer in front of the file: small messages share a write, and what has not been written
 * can still be read and given up. Scratch keeps what is decoded on the way. */
#include "mime/output.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 65536, PIECE = 16384 };

struct mime_output *mime_output_new(int fd)
{
	struct mime_output *output = g_new0(struct mime_output, 1);

	output->fd = fd;
	output->buffer = g_malloc(BUFFER);
	return output;
}

void mime_output_free(struct mime_output *output)
{
	if (!output)
		return;
	g_free(output->buffer);
	g_free(output);
}

uint64_t mime_output_tell(const struct mime_output *output)
{
	return output->start + output->length;
}

/* Writes at output->start and moves it on. */
static void write_through(struct mime_output *output, const unsigned char *bytes, size_t length)
{
	while (length > 0 && !output->error) {
		ssize_t n = pwrite(output->fd, bytes, length, (off_t)output->start);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			output->error = n < 0 ? errno : EIO;
			return;
		}
		output->start += (uint64_t)n;
		bytes += n;
		length -= (size_t)n;
	}
}

/* An error belongs to the message that it came at, and that is given up here. */
void mime_output_seek(struct mime_output *output, uint64_t offset)
{
	output->start = offset;
	output->length = 0;
	output->error = 0;
}

static void buffer_write(struct mime_output *output)
{
	write_through(output, output->buffer, output->length);
	output->length = 0;
}

/* Errors are told here alone: whoever writes goes on, and asks once. */
int mime_output_flush(struct mime_output *output)
{
	buffer_write(output);
	errno = output->error;
	return output->error ? -1 : 0;
}

/* What is longer than the buffer goes past it: to copy it would gain nothing. */
void mime_output_write(struct mime_output *output, const void *bytes, size_t length)
{
	if (length > BUFFER - output->length)
		buffer_write(output);
	if (length > BUFFER) {
		write_through(output, bytes, length);
		return;
	}
	memcpy(output->buffer + output->length, bytes, length);
	output->length += length;
}

/* Bytes that are in the file already stay there until others are written over them. */
void output_rewind(struct mime_output *output, uint64_t offset)
{
	if (offset >= output->start) {
		output->length = (size_t)(offset - output->start);
		return;
	}
	output->start = offset;
	output->length = 0;
}

/* The newest bytes still lie in the buffer. A read ends where the buffer begins; whoever wants
 * more asks again. */
size_t output_read(struct mime_output *output, uint64_t offset, void *bytes, size_t length)
{
	if (output->error || offset >= mime_output_tell(output))
		return 0;
	if (offset >= output->start) {
		size_t skip = (size_t)(offset - output->start);
		size_t n = MIN(length, output->length - skip);
		memcpy(bytes, output->buffer + skip, n);
		return n;
	}

	size_t wanted = (size_t)MIN((uint64_t)length, output->start - offset);
	ssize_t n;
	do
		n = pread(output->fd, bytes, wanted, (off_t)offset);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		output->error = n < 0 ? errno : EIO;
	return n > 0 ? (size_t)n : 0;
}

/* In pieces on the stack: a content may be as large as its message. */
void output_copy(struct mime_output *output, uint64_t begin, uint64_t end, struct sink *sink)
{
	char piece[PIECE];
	size_t n;

	for (; begin < end; begin += n) {
		n = output_read(output, begin, piece, (size_t)MIN(end - begin, (uint64_t)PIECE));
		if (n == 0)
			return;
		sink_write(sink, piece, n);
	}
}

/* The size is counted after an error, too: the flush tells of that. */
static void content_write(struct sink *sink, const void *bytes, size_t length)
{
	struct content_writer *writer = (struct content_writer *)sink;

	mime_output_write(writer->output, bytes, length);
	writer->content->size += length;
}

void content_begin(struct content_writer *writer, struct mime_output *output,
		   struct mime_content *content)
{
	*writer =
	    (struct content_writer){.sink = {content_write}, .output = output, .content = content};
	*content = (struct mime_content){.present = true, .offset = mime_output_tell(output)};
}

void content_restart(struct content_writer *writer)
{
	output_rewind(writer->output, writer->content->offset);
	writer->content->size = 0;
}

/* ---- scratch ---- */

/* Memory is for what is small; the file holds any length. */
static void scratch_to_file(struct scratch *scratch)
{
	scratch->file_offset = mime_output_tell(scratch->output);
	if (scratch->size > 0)
		mime_output_write(scratch->output, scratch->memory, (size_t)scratch->size);
	scratch->in_file = true;
	g_clear_pointer(&scratch->memory, g_free);
}

/* Memory is doubled, so that all growing together copies each byte about once. */
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

/* From wherever the bytes have gone, which is no concern of the reader. */
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
