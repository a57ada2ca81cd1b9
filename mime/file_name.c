/* Takes what no file system takes out of a name, and goes by a table between types and
 * extensions. */
#include "mime/file_name.h"

#include "mime/sink.h"

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

/* ".bin" is opened by no system without a question. */
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

/* The plain sign that a system may take a character for: full-width and small forms, and what looks
 * like a slash. 0: none. */
static char plain_sign(gunichar c)
{
	static const struct {
		gunichar c;
		char sign;
	} others[] = {
	    {0x2044, '/'},  {0x2215, '/'}, {0x29f8, '/'}, {0x2216, '\\'}, {0x29f5, '\\'},
	    {0xfe68, '\\'}, {0xa789, ':'}, {0x2236, ':'}, {0xfe55, ':'},  {0x2024, '.'},
	    {0x2025, '.'},  {0x2026, '.'}, {0xfe52, '.'}, {0x3002, '.'},  {0xff61, '.'},
	    {0x02dc, '~'},  {0x223c, '~'}, {0x2212, '-'},
	};
	if (c < 0x80)
		return (char)c;
	if (c > 0xff00 && c < 0xff5f)
		return (char)(c - 0xfee0);
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		if (c == others[i].c)
			return others[i].sign;
	return g_unichar_type(c) == G_UNICODE_DASH_PUNCTUATION ? '-' : '\0';
}

/* A sign that no system takes in a name, in another form. */
static bool is_disguised(gunichar c)
{
	char sign = plain_sign(c);

	return c >= 0x80 && sign && strchr("/\\<>:\"|?*", sign);
}

/* A blank keeps words apart; a visible character leaves a mark in its place. */
static char *without_forbidden(const char *name)
{
	GString *clean = g_string_new(NULL);

	for (; *name; name = g_utf8_next_char(name)) {
		gunichar c = g_utf8_get_char(name);
		if (c == '\t' || c == '\n' || c == '\r')
			g_string_append_c(clean, ' ');
		else if (is_disguised(c) || (c > ' ' && c < 0x7f && is_forbidden(c)))
			g_string_append_c(clean, '_');
		else if (!is_forbidden(c))
			g_string_append_unichar(clean, c);
	}
	return g_string_free(clean, FALSE);
}

/* By what a system may make of the character, such as a full-width dot. */
static bool is_odd_end(gunichar c)
{
	return plain_sign(c) == '.' || g_unichar_isspace(c);
}

/* Ends that hide a file, or that a system drops without a word. */
static char *without_odd_ends(char *name)
{
	char *start = name;
	char *end = name + strlen(name);

	while (*start && is_odd_end(g_utf8_get_char(start)))
		start = g_utf8_next_char(start);
	while (end > start && is_odd_end(g_utf8_get_char(g_utf8_prev_char(end))))
		end = g_utf8_prev_char(end);
	memmove(name, start, (size_t)(end - start));
	name[end - start] = '\0';
	return name;
}

/* How many bytes of a number a device has: "1", or "¹", which Windows takes as well. */
static size_t device_number(const char *at)
{
	static const char *const raised[] = {"¹", "²", "³"};

	if (g_ascii_isdigit(*at))
		return 1;
	for (size_t i = 0; i < G_N_ELEMENTS(raised); i++)
		if (g_str_has_prefix(at, raised[i]))
			return strlen(raised[i]);
	return 0;
}

/* Windows opens a device for these, whatever the extension. */
static bool is_device(const char *name)
{
	static const char *const whole[] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
	size_t stem = strcspn(name, ". ");

	for (size_t i = 0; i < G_N_ELEMENTS(whole); i++)
		if (stem == strlen(whole[i]) && g_ascii_strncasecmp(name, whole[i], stem) == 0)
			return true;
	if (g_ascii_strncasecmp(name, "COM", 3) != 0 && g_ascii_strncasecmp(name, "LPT", 3) != 0)
		return false;
	size_t number = device_number(name + 3);
	return number > 0 && stem == 3 + number;
}

/* A shell, or the command that it runs, takes these for more than a name. */
static bool is_meant_for_commands(const char *name)
{
	char first = plain_sign(g_utf8_get_char(name));

	return first == '-' || first == '~';
}

/* Between two characters: half of one is no UTF-8. */
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
	g_autofree char *text = g_utf8_make_valid(name, -1);
	g_autofree char *valid = g_utf8_normalize(text, -1, G_NORMALIZE_NFC);
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
	bool odd = is_device(clean) || is_meant_for_commands(clean);
	g_autofree char *safe = odd ? g_strconcat("_", clean, NULL) : g_strdup(clean);
	if (strlen(safe) <= NAME_BYTES_MAX)
		return g_steal_pointer(&safe);
	return without_odd_ends(shortened(safe));
}

/* NFKC makes one of what looks alike, and once more of what folding the case leaves. */
char *mime_file_name_key(const char *name)
{
	g_autofree char *plain = g_utf8_normalize(name, -1, G_NORMALIZE_NFKC);
	g_autofree char *folded = g_utf8_casefold(plain, -1);

	return g_utf8_normalize(folded, -1, G_NORMALIZE_NFKC);
}
