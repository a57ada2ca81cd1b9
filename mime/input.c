/* Keeps one window of the message in memory, and finds lines in it. What is no longer than a window
 * is read; of anything longer one stretch after the other is mapped, which takes a tenth less of a
 * large message's processor time. */
#include "mime/input.h"

#include "mime/ascii.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A stretch begins at a multiple of WINDOW, which pages do on any machine. */
enum { WINDOW = 65536, STRETCH = 4 * WINDOW };

static void window_fail(struct input *input, int error)
{
	/* A file shorter than the caller said is as bad as one that cannot be read. */
	input->error = error;
	input->size = input->at + input->length;
}

/* A read may bring less than it was asked for. */
static void window_read(struct input *input, uint64_t offset, size_t want)
{
	while (input->length < want) {
		ssize_t n = pread(input->fd, input->memory + input->length, want - input->length,
				  (off_t)(input->base + offset + input->length));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			window_fail(input, n < 0 ? errno : EIO);
			return;
		}
		input->length += (size_t)n;
	}
}

static void window_unmap(struct input *input)
{
	if (input->mapped > 0)
		munmap(input->map, input->mapped);
	input->mapped = 0;
}

/* The kernel kills whoever reads a mapped page behind the end of the file. */
static bool file_reaches(const struct input *input, uint64_t end)
{
	char last;
	ssize_t n;

	do
		n = pread(input->fd, &last, 1, (off_t)(end - 1));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = EIO;
	return n == 1;
}

static void window_map(struct input *input, uint64_t offset, size_t want)
{
	uint64_t begin = input->base + offset;
	size_t skip = (size_t)(begin % WINDOW);

	window_unmap(input);
	void *map = MAP_FAILED;
	if (file_reaches(input, begin + want))
		map = mmap(NULL, skip + want, PROT_READ, MAP_PRIVATE, input->fd,
			   (off_t)(begin - skip));
	if (map == MAP_FAILED) {
		window_fail(input, errno);
		return;
	}
	input->map = map;
	input->mapped = skip + want;
	input->length = want;
	input->window = input->map + skip;
}

static void window_fill(struct input *input, uint64_t offset)
{
	bool is_long = input->size > WINDOW;
	size_t want = (size_t)MIN((uint64_t)(is_long ? STRETCH : WINDOW), input->size - offset);

	input->at = offset;
	input->length = 0;
	input->window = input->memory;
	if (is_long)
		window_map(input, offset, want);
	else
		window_read(input, offset, want);
}

struct input *input_new(int fd, uint64_t base, uint64_t size)
{
	struct input *input = g_new0(struct input, 1);

	input->fd = fd;
	input->base = base;
	input->size = size;
	input->memory = g_malloc(size <= WINDOW ? (size_t)size + 1 : 1);
	window_fill(input, 0);
	/* Programs of the old Macintosh wrote CR alone; a single LF says that it was not one of
	 * them. */
	input->cr_lines = memchr(input->window, '\r', input->length) &&
			  !memchr(input->window, '\n', input->length);
	return input;
}

void input_free(struct input *input)
{
	if (!input)
		return;
	window_unmap(input);
	g_free(input->memory);
	g_free(input);
}

const unsigned char *input_at(struct input *input, uint64_t offset, size_t *ret_length)
{
	*ret_length = 0;
	if (offset >= input->size)
		return input->window;
	if (offset < input->at || offset >= input->at + input->length)
		window_fill(input, offset);
	/* The read has failed, which looks like the end. */
	if (offset >= input->at + input->length)
		return input->window;
	*ret_length = input->length - (size_t)(offset - input->at);
	return input->window + (offset - input->at);
}

/* Offset of the first `wanted` at or behind offset, or the size of the message. */
static uint64_t find_byte(struct input *input, uint64_t offset, int wanted)
{
	size_t length;
	const unsigned char *bytes;

	while (bytes = input_at(input, offset, &length), length > 0) {
		const unsigned char *hit = memchr(bytes, wanted, length);
		if (hit)
			return offset + (uint64_t)(hit - bytes);
		offset += length;
	}
	return input->size;
}

/* Behind the end of the message no byte is anything. */
static bool byte_is(struct input *input, uint64_t offset, unsigned char wanted)
{
	size_t length;
	const unsigned char *bytes = input_at(input, offset, &length);

	return length > 0 && bytes[0] == wanted;
}

static unsigned char line_ending(const struct input *input)
{
	return input->cr_lines ? '\r' : '\n';
}

bool input_line(struct input *input, uint64_t offset, struct line *ret_line)
{
	unsigned char ending = line_ending(input);
	size_t length;
	const unsigned char *bytes = input_at(input, offset, &length);

	if (length == 0)
		return false;

	const unsigned char *hit = memchr(bytes, ending, length);
	uint64_t end =
	    hit ? offset + (uint64_t)(hit - bytes) : find_byte(input, offset + length, ending);
	ret_line->next = MIN(end + 1, input->size);
	if (!input->cr_lines && end > offset && end < input->size &&
	    (hit ? hit[-1] == '\r' : byte_is(input, end - 1, '\r')))
		end--;
	ret_line->end = end;

	/* Looking for the end of a long line has moved the window on: it goes back to the beginning. */
	size_t wanted = (size_t)MIN(end - offset, (uint64_t)INPUT_LINE_MAX);
	if (!hit && (offset < input->at || offset + wanted > input->at + input->length))
		window_fill(input, offset);
	ret_line->text = input_at(input, offset, &length);
	ret_line->length = MIN(wanted, length);
	return true;
}

/* Where the text of the line that ends right before `next` ends. */
static uint64_t line_end_before(struct input *input, uint64_t first_line, uint64_t next)
{
	if (!input->cr_lines && next - first_line > 1 && byte_is(input, next - 2, '\r'))
		return next - 2;
	return next - 1;
}

/* Is the dash at `offset` the first of two that a line begins with? */
static bool dashes_begin_line(struct input *input, uint64_t first_line, uint64_t offset)
{
	return (offset == first_line || byte_is(input, offset - 1, line_ending(input))) &&
	       byte_is(input, offset + 1, '-');
}

bool line_is_blank(const struct line *line)
{
	size_t i = 0;

	while (i < line->length && ascii_is_blank(line->text[i]))
		i++;
	return i == line->length;
}

uint64_t input_find_dashes(struct input *input, uint64_t first_line, uint64_t *ret_previous_end)
{
	uint64_t offset = first_line;
	size_t length;
	const unsigned char *bytes;

	while (bytes = input_at(input, offset, &length), length > 0) {
		const unsigned char *dash = memchr(bytes, '-', length);
		if (!dash) {
			offset += length;
			continue;
		}
		/* Most stand within a line, and none behind another one begins a line. */
		bool within = dash > bytes && dash[-1] != line_ending(input);
		size_t run = 1;
		while (dash + run < bytes + length && dash[run] == '-')
			run++;
		offset += (uint64_t)(dash - bytes);
		if (!within && dashes_begin_line(input, first_line, offset)) {
			if (offset > first_line)
				*ret_previous_end = line_end_before(input, first_line, offset);
			return offset;
		}
		offset += run;
	}
	return input->size;
}

/* Window by window: what is copied may be larger than memory. */
void input_copy(struct input *input, uint64_t begin, uint64_t end, struct sink *sink)
{
	size_t length;
	const unsigned char *bytes;

	while (begin < end && (bytes = input_at(input, begin, &length), length > 0)) {
		length = (size_t)MIN((uint64_t)length, end - begin);
		sink_write(sink, bytes, length);
		begin += length;
	}
}
