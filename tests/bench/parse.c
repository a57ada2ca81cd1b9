/*
 * bench_parse - how fast messages are read, without a mailbox and a database.
 *
 *   bench_parse ours|gmime MESSAGES SIZES
 *
 * MESSAGES holds messages one after the other, SIZES a line with the number of bytes of each.
 * "ours" parses them to what an entry is made of, its contents in a memory file; "gmime" to GMime's
 * objects, each part decoded and thrown away. Prints the seconds of processor time of one pass.
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

static struct corpus open_corpus(const char *messages, const char *sizes)
{
	struct corpus corpus = {.messages = open(messages, O_RDONLY | O_CLOEXEC),
				.sizes = g_array_new(FALSE, FALSE, sizeof(uint64_t))};
	g_autofree char *text = NULL;
	require(corpus.messages >= 0, messages);
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
		mime_output_seek(output, 0);
		require(mime_parse(&options, corpus->messages, offset, size_at(corpus, i), output,
				   &message) == 0 &&
			    mime_output_flush(output) == 0,
			"parsing");
		mime_message_free(message);
		offset += size_at(corpus, i);
	}
	mime_output_free(output);
}

static void decode(GMimeObject *parent, GMimeObject *part, gpointer nowhere)
{
	(void)parent;
	if (!GMIME_IS_PART(part))
		return;
	GMimeDataWrapper *content = g_mime_part_get_content(GMIME_PART(part));
	if (content != NULL)
		g_mime_data_wrapper_write_to_stream(content, nowhere);
}

static void read_gmime(const struct corpus *corpus, uint64_t begin, uint64_t end,
		       GMimeStream *nowhere)
{
	GMimeStream *input =
	    g_mime_stream_fs_new_with_bounds(corpus->messages, (gint64)begin, (gint64)end);
	g_mime_stream_fs_set_owner(GMIME_STREAM_FS(input), FALSE);
	GMimeParser *parser = g_mime_parser_new_with_stream(input);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
	require(message != NULL, "parsing");
	g_mime_message_foreach(message, decode, nowhere);
	g_object_unref(message);
	g_object_unref(parser);
	g_object_unref(input);
}

static void pass_gmime(const struct corpus *corpus)
{
	GMimeStream *nowhere = g_mime_stream_null_new();
	uint64_t offset = 0;
	for (guint i = 0; i < corpus->sizes->len; i++) {
		read_gmime(corpus, offset, offset + size_at(corpus, i), nowhere);
		offset += size_at(corpus, i);
	}
	g_object_unref(nowhere);
}

static double cpu_s(void)
{
	struct timespec used;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	if (argc != 4 || (strcmp(argv[1], "ours") != 0 && strcmp(argv[1], "gmime") != 0)) {
		fprintf(stderr, "usage: bench_parse ours|gmime MESSAGES SIZES\n");
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
		pass_gmime(&corpus);
	printf("%.6f\n", cpu_s() - begin_s);
	mime_close();
	g_array_unref(corpus.sizes);
	return 0;
}
