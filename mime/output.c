#include "mime/output.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 65536 };

struct output *output_new(int fd, uint64_t start)
{
	struct output *output = g_new0(struct output, 1);

	output->fd = fd;
	output->start = start;
	output->buffer = g_malloc(BUFFER);
	return output;
}

void output_free(struct output *output)
{
	if (!output)
		return;
	g_free(output->buffer);
	g_free(output);
}

uint64_t output_tell(const struct output *output)
{
	return output->start + output->length;
}

/* Writes at output->start and moves it on. */
static void write_through(struct output *output, const unsigned char *bytes, size_t length)
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

void output_flush(struct output *output)
{
	write_through(output, output->buffer, output->length);
	output->length = 0;
}

void output_write(struct output *output, const void *bytes, size_t length)
{
	if (length > BUFFER - output->length)
		output_flush(output);
	if (length > BUFFER) {
		write_through(output, bytes, length);
		return;
	}
	memcpy(output->buffer + output->length, bytes, length);
	output->length += length;
}

void output_rewind(struct output *output, uint64_t offset)
{
	if (offset >= output->start) {
		output->length = (size_t)(offset - output->start);
		return;
	}
	output->start = offset;
	output->length = 0;
}

size_t output_read(struct output *output, uint64_t offset, void *bytes, size_t length)
{
	if (output->error || offset >= output_tell(output))
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

static void content_write(struct sink *sink, const void *bytes, size_t length)
{
	struct content_writer *writer = (struct content_writer *)sink;

	output_write(writer->output, bytes, length);
	writer->content->size += length;
}

void content_begin(struct content_writer *writer, struct output *output,
		   struct mime_content *content)
{
	*writer =
	    (struct content_writer){.sink = {content_write}, .output = output, .content = content};
	*content = (struct mime_content){.present = true, .offset = output_tell(output)};
}

void content_restart(struct content_writer *writer)
{
	output_rewind(writer->output, writer->content->offset);
	writer->content->size = 0;
}
