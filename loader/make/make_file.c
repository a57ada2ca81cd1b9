/* Makes the entry of a message in a file, which no run has brought: the parser works in its own locked process here as in
 * a run, because the file may be the very one that has made trouble there. */
#include "loader/make/make_entry.h"

#include "loader/base/folder.h"
#include "loader/parse/spool.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <sys/stat.h>

int make_digest(int descriptor, uint64_t offset, uint64_t size_bytes, unsigned char ret_sha256[32],
		struct error *err)
{
	struct sha256_ctx hash;
	sha256_init(&hash);
	if (spool_hash(descriptor, offset, size_bytes, &hash, err) != 0)
		return -1;
	sha256_digest(&hash, SHA256_DIGEST_SIZE, ret_sha256);
	return 0;
}

/* Takes regular files only: the parser reads at places of the message and needs its size; a
 * pipe has neither, and is not waited for. */
static int make_open(const char *path, int *ret_raw, uint64_t *ret_size, struct error *err)
{
	struct stat status;
	scoped(descriptor_close) int raw = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (raw < 0 || fstat(raw, &status) != 0)
		return error_set(err, errno == ENOENT ? ERROR_NO : ERROR_IO, "'%s': %s", path,
				 g_strerror(errno));
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERROR_DATA, "'%s' is not a file", path);
	*ret_size = (uint64_t)status.st_size;
	*ret_raw = descriptor_steal(&raw);
	return 0;
}

/* A message that the parser dies of would be a bad entry: what the header says is handed over, and why. */
int make_file(int64_t queue_id, const char *path, int64_t received_s, make_put put, void *context,
	      bool *ret_bad, struct error *err)
{
	const struct mime_options options = mime_options_default();
	scoped(descriptor_close) int raw = -1;
	scoped(descriptor_close) int content = -1;
	scoped(parser_stop) struct parser *parser = NULL;
	struct make_message message = {.is_whole = true, .received_s = received_s};
	if (make_open(path, &raw, &message.size_bytes, err) != 0 ||
	    spool_open(folder_temporary(), &content, err) != 0 ||
	    make_digest(raw, 0, message.size_bytes, message.raw_sha256, err) != 0)
		return -1;
	parser = parser_new(&options, raw, content);
	if (parser_submit(parser, 0, message.size_bytes, false, &message.parser_index, err) != 0 ||
	    parser_finish(parser, err) != 0)
		return -1;
	message.parser = parser;
	message.output = content;
	message.spool = raw;
	message.raw_size = message.size_bytes;
	return make_entry(queue_id, &message, put, context, ret_bad, err);
}
