/*
 * bench_parse - how fast messages are read, without a mailbox and a database.
 *
 *   bench_parse ours|gmime|gmime-texts MESSAGES SIZES
 *
 * MESSAGES holds messages one after the other, SIZES a line with the number of bytes of each. All
 * read them from a memory file, where a load has them. "ours" parses them to what an entry is made
 * of, its contents in a memory file, which as many share a write to as do in a load; "gmime" to
 * GMime's objects, each part decoded into memory; "gmime-texts" asks it for the fields and texts as
 * UTF-8, too. Prints the seconds of processor time of one pass.
 */
#include "mime/mime.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PACKET = 32 }; /* PROTOCOL_PACKET_MAX of loader/parser */

struct corpus {
	int messages;
	GArray *sizes; /* uint64_t */
};

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "bench_parse: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_in_memory(const char *path)
{
	char piece[65536];
	int file = open(path, O_RDONLY | O_CLOEXEC);
	int memory = memfd_create("messages", MFD_CLOEXEC);
	ssize_t length;

	require(file >= 0 && memory >= 0, path);
	while ((length = read(file, piece, sizeof(piece))) > 0)
		require(write(memory, piece, (size_t)length) == length, path);
	require(length == 0, path);
	close(file);
	return memory;
}

static struct corpus open_corpus(const char *messages, const char *sizes)
{
	struct corpus corpus = {.messages = open_in_memory(messages),
				.sizes = g_array_new(FALSE, FALSE, sizeof(uint64_t))};
	g_autofree char *text = NULL;
	require(g_file_get_contents(sizes, &text, NULL, NULL), sizes);
	char *at = text;
	while (*at != '\0') {
		uint64_t size = strtoull(at, &at, 10);
		g_array_append_val(corpus.sizes, size);
		at += strspn(at, "\n");
	}
	return corpus;
}

static uint64_t size_at(const struct corpus *corpus, guint i)
{
	return g_array_index(corpus->sizes, uint64_t, i);
}

/* Not inlined: callgrind counts what happens in here. */
__attribute__((noinline)) static void pass_ours(const struct corpus *corpus, int output_fd)
{
	struct mime_output *output = mime_output_new(output_fd);
	const struct mime_options options = mime_options_default();
	uint64_t offset = 0;
	for (guint i = 0; i < corpus->sizes->len; i++) {
		struct mime_message *message;
		if (i % PACKET == 0)
			mime_output_seek(output, 0);
		require(mime_parse(&options, corpus->messages, offset, size_at(corpus, i), output,
				   &message) == 0,
			"parsing");
		mime_message_free(message);
		offset += size_at(corpus, i);
		if ((i + 1) % PACKET == 0 || i + 1 == corpus->sizes->len)
			require(mime_output_flush(output) == 0, "writing");
	}
	mime_output_free(output);
}

/* What a pass of GMime is to do. */
struct asked {
	bool texts;
	GMimeStream *memory; /* that parts are decoded into */
};

static void decode(GMimeObject *parent, GMimeObject *part, gpointer data)
{
	const struct asked *asked = data;
	(void)parent;
	if (asked->texts && GMIME_IS_TEXT_PART(part)) {
		g_free(g_mime_text_part_get_text(GMIME_TEXT_PART(part)));
		return;
	}
	GMimeDataWrapper *content =
	    GMIME_IS_PART(part) ? g_mime_part_get_content(GMIME_PART(part)) : NULL;
	if (content != NULL)
		g_mime_data_wrapper_write_to_stream(content, asked->memory);
}

/* What the sender, recipients and fields of an entry are made of. */
static void read_fields(GMimeMessage *message)
{
	GMimeHeaderList *fields = g_mime_object_get_header_list(GMIME_OBJECT(message));
	for (int i = 0; i < g_mime_header_list_get_count(fields); i++)
		g_mime_header_get_value(g_mime_header_list_get_header_at(fields, i));
	g_mime_message_get_date(message);
	for (int type = GMIME_ADDRESS_TYPE_SENDER; type <= GMIME_ADDRESS_TYPE_BCC; type++)
		g_free(internet_address_list_to_string(
		    g_mime_message_get_addresses(message, (GMimeAddressType)type), NULL, FALSE));
}

static void read_gmime(const struct corpus *corpus, uint64_t begin, uint64_t end,
		       struct asked *asked)
{
	GMimeStream *input =
	    g_mime_stream_fs_new_with_bounds(corpus->messages, (gint64)begin, (gint64)end);
	g_mime_stream_fs_set_owner(GMIME_STREAM_FS(input), FALSE);
	GMimeParser *parser = g_mime_parser_new_with_stream(input);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
	require(message != NULL, "parsing");
	g_mime_stream_reset(asked->memory);
	if (asked->texts)
		read_fields(message);
	g_mime_message_foreach(message, decode, asked);
	g_object_unref(message);
	g_object_unref(parser);
	g_object_unref(input);
}

__attribute__((noinline)) static void pass_gmime(const struct corpus *corpus, bool texts)
{
	struct asked asked = {.texts = texts, .memory = g_mime_stream_mem_new()};
	uint64_t offset = 0;
	for (guint i = 0; i < corpus->sizes->len; i++) {
		read_gmime(corpus, offset, offset + size_at(corpus, i), &asked);
		offset += size_at(corpus, i);
	}
	g_object_unref(asked.memory);
}

static double cpu_s(void)
{
	struct timespec used;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"ours", "gmime", "gmime-texts", NULL};
	if (argc != 4 || !g_strv_contains(names, argv[1])) {
		fprintf(stderr, "usage: bench_parse ours|gmime|gmime-texts MESSAGES SIZES\n");
		return 64;
	}
	struct corpus corpus = open_corpus(argv[2], argv[3]);
	int output = memfd_create("output", MFD_CLOEXEC);
	require(output >= 0 && mime_open() == 0, "opening");
	g_mime_init();
	const double begin_s = cpu_s();
	if (strcmp(argv[1], "ours") == 0)
		pass_ours(&corpus, output);
	else
		pass_gmime(&corpus, strcmp(argv[1], "gmime-texts") == 0);
	printf("%.6f\n", cpu_s() - begin_s);
	mime_close();
	g_array_unref(corpus.sizes);
	return 0;
}
