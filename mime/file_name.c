/* Takes what no file system takes out of a name, and goes by a table between types and
 * extensions. */
#include "mime/file_name.h"

#include "mime/clean.h"

#include <glib.h>
#include <string.h>

enum { NAME_BYTES_MAX = 200, EXTENSION_BYTES_MAX = 20 };

/* Where several types have one extension, the first of them is what a name with it stands for. */
static const struct {
	const char *type;
	const char *extension;
} extensions[] = {
    {"text/plain", ".txt"},
    {"text/html", ".html"},
    {"text/calendar", ".ics"},
    {"text/csv", ".csv"},
    {"text/xml", ".xml"},
    {"text/vcard", ".vcf"},
    {"text/x-vcard", ".vcf"},
    {"text/rtf", ".rtf"},
    {"text/markdown", ".md"},
    {"text/css", ".css"},
    {"text/rfc822-headers", ".txt"},
    {"text/x-patch", ".patch"},
    {"message/rfc822", ".eml"},
    {"message/global", ".eml"},
    {"message/news", ".eml"},
    {"message/delivery-status", ".txt"},
    {"message/disposition-notification", ".txt"},
    {"image/png", ".png"},
    {"image/jpeg", ".jpg"},
    {"image/jpg", ".jpg"},
    {"image/pjpeg", ".jpg"},
    {"image/gif", ".gif"},
    {"image/bmp", ".bmp"},
    {"image/tiff", ".tif"},
    {"image/webp", ".webp"},
    {"image/svg+xml", ".svg"},
    {"image/heic", ".heic"},
    {"image/x-icon", ".ico"},
    {"audio/mpeg", ".mp3"},
    {"audio/wav", ".wav"},
    {"audio/x-wav", ".wav"},
    {"audio/ogg", ".ogg"},
    {"audio/mp4", ".m4a"},
    {"video/mp4", ".mp4"},
    {"video/mpeg", ".mpg"},
    {"video/quicktime", ".mov"},
    {"application/pdf", ".pdf"},
    {"application/json", ".json"},
    {"application/xml", ".xml"},
    {"application/zip", ".zip"},
    {"application/x-zip-compressed", ".zip"},
    {"application/gzip", ".gz"},
    {"application/x-7z-compressed", ".7z"},
    {"application/rtf", ".rtf"},
    {"application/ics", ".ics"},
    {"application/msword", ".doc"},
    {"application/vnd.ms-excel", ".xls"},
    {"application/vnd.ms-powerpoint", ".ppt"},
    {"application/vnd.ms-outlook", ".msg"},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx"},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"},
    {"application/vnd.openxmlformats-officedocument.presentationml.presentation", ".pptx"},
    {"application/vnd.oasis.opendocument.text", ".odt"},
    {"application/vnd.oasis.opendocument.spreadsheet", ".ods"},
    {"application/ms-tnef", ".dat"},
    {"application/vnd.ms-tnef", ".dat"},
    {"application/pgp-signature", ".asc"},
    {"application/pgp-encrypted", ".asc"},
    {"application/pgp-keys", ".asc"},
    {"application/pkcs7-signature", ".p7s"},
    {"application/x-pkcs7-signature", ".p7s"},
    {"application/pkcs7-mime", ".p7m"},
    {"application/x-pkcs7-mime", ".p7m"},
    {"application/javascript", ".js"},
};

const char *file_name_extension(const char *content_type)
{
	for (size_t i = 0; i < G_N_ELEMENTS(extensions); i++)
		if (strcmp(content_type, extensions[i].type) == 0)
			return extensions[i].extension;
	return ".bin";
}

/* Extensions that say less than the type that has them. */
static bool is_vague(const char *extension)
{
	return g_ascii_strcasecmp(extension, ".dat") == 0 ||
	       g_ascii_strcasecmp(extension, ".asc") == 0;
}

const char *file_name_type(const char *name)
{
	static const char *const others[][2] = {
	    {".htm", ".html"}, {".jpeg", ".jpg"}, {".tiff", ".tif"}, {".log", ".txt"}};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < G_N_ELEMENTS(others); i++)
		if (g_ascii_strcasecmp(dot, others[i][0]) == 0)
			dot = others[i][1];
	for (size_t i = 0; dot && !is_vague(dot) && i < G_N_ELEMENTS(extensions); i++)
		if (g_ascii_strcasecmp(dot, extensions[i].extension) == 0)
			return extensions[i].type;
	return "application/octet-stream";
}

/* Refused by one system or another, or able to disguise a name: bidirectional and no-width marks.
 */
static bool is_forbidden(gunichar c)
{
	return g_unichar_iscntrl(c) || (c < 0x80 && strchr("<>:\"|?*", (int)c)) ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xe0000 && c <= 0xe0fff);
}

/* A blank keeps words apart; a visible character leaves a mark in its place. */
static char *without_forbidden(const char *name)
{
	GString *clean = g_string_new(NULL);

	for (; *name; name = g_utf8_next_char(name)) {
		gunichar c = g_utf8_get_char(name);
		if (c == '\t' || c == '\n' || c == '\r')
			g_string_append_c(clean, ' ');
		else if (!is_forbidden(c))
			g_string_append_unichar(clean, c);
		else if (c > ' ' && c < 0x7f)
			g_string_append_c(clean, '_');
	}
	return g_string_free(clean, FALSE);
}

/* Ends that hide a file, or that a system drops without a word. */
static char *without_odd_ends(char *name)
{
	char *start = name + strspn(name, ". ");
	size_t length = strlen(start);

	while (length > 0 && (start[length - 1] == '.' || start[length - 1] == ' '))
		length--;
	memmove(name, start, length);
	name[length] = '\0';
	return name;
}

/* Windows opens a device for these, whatever the extension. */
static bool is_device(const char *name)
{
	static const char *const devices[] = {"CON", "PRN", "AUX", "NUL", "COM", "LPT"};
	size_t stem = strcspn(name, ". ");

	for (size_t i = 0; i < G_N_ELEMENTS(devices); i++) {
		if (g_ascii_strncasecmp(name, devices[i], 3) != 0)
			continue;
		if (i < 4 ? stem == 3 : stem == 4 && g_ascii_isdigit(name[3]))
			return true;
	}
	return false;
}

/* Between characters. */
static size_t cut_length(const char *name, size_t max)
{
	while (max > 0 && ((unsigned char)name[max] & 0xc0) == 0x80)
		max--;
	return max;
}

/* The extension stays, because systems go by it. What is longer than an extension is is none:
 * "Mr. Miller's report of June". */
static char *shortened(const char *name)
{
	const char *dot = strrchr(name, '.');
	size_t extension = dot && dot > name ? strlen(dot) : 0;

	if (extension > EXTENSION_BYTES_MAX)
		extension = 0;
	size_t kept = cut_length(name, NAME_BYTES_MAX - extension);
	return g_strdup_printf("%.*s%s", (int)kept, name, extension > 0 ? dot : "");
}

/* Some programs send whole paths: the last component is the name. A separator behind which
 * nothing follows becomes "_". */
char *mime_file_name_clean(const char *name)
{
	g_autofree char *valid = g_utf8_make_valid(name, -1);
	const char *last = valid;

	for (const char *c = valid; *c; c++)
		if ((*c == '/' || *c == '\\') && c[1])
			last = c + 1;
	g_autofree char *clean = without_odd_ends(without_forbidden(last));
	for (char *c = clean; *c; c++)
		if (*c == '/' || *c == '\\')
			*c = '_';
	if (!*clean)
		return g_strdup("noname");
	g_autofree char *safe = is_device(clean) ? g_strconcat("_", clean, NULL) : g_strdup(clean);
	if (strlen(safe) <= NAME_BYTES_MAX)
		return g_steal_pointer(&safe);
	return without_odd_ends(shortened(safe));
}
