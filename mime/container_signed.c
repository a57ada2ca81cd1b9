/* S/MIME that wraps what it signs becomes that, and its own bytes; of S/MIME and PGP/MIME beside it the
 * signature is looked at. A file that somebody has signed ("invoice.xml.p7m") is no mail and stays. */
#include "mime/container_internal.h"

#include "mime/cms.h"
#include "mime/input.h"

#include <string.h>

enum { DELIMITER_BYTES_MAX = 8192 };

static const char not_verified[] = "not verified";
static const char broken[] = "broken";

/* One broken signature makes the whole mail suspect. */
static void signature_note(struct containers *containers, enum cms_signature signature)
{
	if (signature == CMS_BROKEN || containers->secrets.signature == broken)
		containers->secrets.signature = broken;
	else
		containers->secrets.signature = not_verified;
}

/* The text that stands for the mail names the first one. */
static void encryption_note(struct containers *containers, const struct part *part,
			    const char *encryption)
{
	defects_add(containers->defects, "encrypted (%s); not decrypted", encryption);
	if (containers->secrets.encrypted)
		return;
	containers->secrets.encrypted = part;
	containers->secrets.encryption = encryption;
}

static const char *name_of(const struct part *part)
{
	const char *name = parameters_bytes(part->disposition, "filename");

	return name ? name : parameters_bytes(part->content, "name");
}

/* Mail comes as "smime.p7m", or under a name with one dot; invoice.xml.p7m is a file. */
bool container_is_envelope(const struct part *part)
{
	const char *name = name_of(part);
	bool is_usual = !name || g_ascii_strcasecmp(name, "smime.p7m") == 0;

	if (part_is(part, "application/pkcs7-mime") || part_is(part, "application/x-pkcs7-mime"))
		return is_usual || !strchr(name, '.') || strchr(name, '.') == strrchr(name, '.');
	return part_is(part, "application/octet-stream") && name && is_usual;
}

/* --- signed-data -------------------------------------------------------------- */

/* Else it is a file that was signed. */
static bool is_entity(struct input *input, const struct mime_options *options)
{
	struct defects *ignored = defects_new();
	struct header_limits limits = {.max_size = options->max_header_size,
				       .max_fields = options->max_headers};
	struct header *header = header_read(input, 0, &limits, ignored);
	size_t length;
	const unsigned char *bytes = input_at(input, 0, &length);
	bool is = header->count > 0 ? header_find(header, "Content-Type") ||
					  header_find(header, "Content-Transfer-Encoding") ||
					  header_find(header, "MIME-Version")
				    : length > 0 && (bytes[0] == '\n' || bytes[0] == '\r');

	header_free(header);
	defects_free(ignored);
	return is;
}

/* The envelope stays as a file behind what was in it: it is the proof. */
static void unwrap(struct containers *containers, struct part *part,
		   const struct mime_content *content)
{
	struct input *input = container_input(containers, content);

	if (!input || !is_entity(input, containers->options))
		return;
	struct part *inner = container_read_message(containers, input, containers->defects);
	if (!inner)
		return;
	struct part *original = part_enclose(part);
	g_ptr_array_add(part->children, inner);
	containers_walk(containers, inner);
	g_ptr_array_add(part->children, original);
}

void container_open_envelope(struct containers *containers, struct part *part)
{
	struct input *input = container_decode(containers, part);
	struct content_writer writer;
	struct mime_content content;
	enum cms_signature signature = CMS_NOT_VERIFIED;

	if (!input)
		return;
	content_begin(&writer, containers->output, &content);
	switch (cms_read(input, &writer.sink, &signature)) {
	case CMS_SIGNED:
		signature_note(containers, signature);
		unwrap(containers, part, &content);
		break;
	case CMS_ENCRYPTED:
		encryption_note(containers, part, "S/MIME");
		break;
	case CMS_UNREADABLE:
		defects_add(containers->defects, "S/MIME envelope unreadable; left closed");
		break;
	default:
		break;
	}
}

/* --- multiparts --------------------------------------------------------------- */

static struct part *child_at(const struct part *part, guint i)
{
	return g_ptr_array_index(part->children, i);
}

/* Where the part before ends whose delimiter line stands before this offset; 0 when that is lost. */
static uint64_t end_before(struct input *input, uint64_t offset)
{
	uint64_t from = offset > DELIMITER_BYTES_MAX ? offset - DELIMITER_BYTES_MAX : 0;
	size_t length = (size_t)(offset - from);
	g_autofree char *bytes = g_malloc(length + 1);

	if (length < 2 || !input_bytes(input, from, bytes, length))
		return 0;
	const char *newline = g_strrstr_len(bytes, (gssize)length - 1, "\n");
	if (!newline)
		return 0;
	uint64_t end = from + (uint64_t)(newline - bytes);
	return newline > bytes && newline[-1] == '\r' ? end - 1 : end;
}

/* What was signed are the bytes between two delimiters as they came, header block included (RFC
 * 1847, 2.1). */
static enum cms_signature detached_check(struct containers *containers, const struct part *content,
					 const struct part *signature)
{
	enum cms_signature found = CMS_NOT_VERIFIED;
	uint64_t end = end_before(signature->input, signature->start);

	if (content->start == 0 || signature->start == 0 || end <= content->start ||
	    content->input != signature->input)
		return found;
	struct input *envelope = container_decode(containers, signature);
	if (envelope)
		cms_check(envelope, content->input, content->start, end, &found);
	return found;
}

void container_look_at_multipart(struct containers *containers, const struct part *part)
{
	if (part_is(part, "multipart/encrypted") && part->children->len > 0) {
		encryption_note(containers, child_at(part, part->children->len - 1), "PGP/MIME");
		return;
	}
	if (!part_is(part, "multipart/signed") || part->children->len < 2)
		return;
	const struct part *signature = child_at(part, 1);
	bool is_cms = part_is(signature, "application/pkcs7-signature") ||
		      part_is(signature, "application/x-pkcs7-signature");
	signature_note(containers, is_cms ? detached_check(containers, child_at(part, 0), signature)
					  : CMS_NOT_VERIFIED);
}
