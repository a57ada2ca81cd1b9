/* Reads the text once to survey it, and then goes down the order of charset_choose() until a
 * charset fits. */
#include "mime/charset.h"

#include "mime/ascii.h"
#include "mime/sink.h"

#include <string.h>
#include <uchardet/uchardet.h>

/* More of a text hardly changes what detection says. */
enum { DETECT_BYTES = 262144 };

static uchardet_t detector;

/* One detector for all messages: what it learned of one is reset before the next. */
int charset_choice_open(void)
{
	if (charset_open() < 0)
		return -1;
	if (!detector)
		detector = uchardet_new();
	return detector ? 0 : -1;
}

void charset_choice_close(void)
{
	charset_close();
	if (detector)
		uchardet_delete(detector);
	detector = NULL;
}

/* What one pass over the bytes tells. */
struct survey {
	struct sink sink;
	uint64_t size;
	uint64_t high; /* bytes above 127 */
	bool escapes;  /* NUL, ESC, "~" or "+": ASCII bytes that may mean something else */
	unsigned char head[4];
};

/* NUL may be UTF-16, ESC is that of ISO-2022, "~" of HZ, and "+" of UTF-7. */
static bool has_escape(const void *bytes, size_t length)
{
	static const char escapes[] = {'\0', 0x1b, '~', '+'};

	for (size_t i = 0; i < sizeof(escapes); i++)
		if (memchr(bytes, escapes[i], length))
			return true;
	return false;
}

static void survey_write(struct sink *sink, const void *bytes, size_t length)
{
	struct survey *survey = (struct survey *)sink;
	const unsigned char *at = bytes;

	for (size_t i = 0; i < length && survey->size + i < sizeof(survey->head); i++)
		survey->head[survey->size + i] = at[i];
	survey->high += ascii_count_high(at, length);
	survey->escapes = survey->escapes || has_escape(bytes, length);
	survey->size += length;
}

/* Those of UTF-32 are left out: no mailer writes it, and one of them begins like that of UTF-16. */
static const char *survey_mark(const struct survey *survey)
{
	const unsigned char *head = survey->head;

	if (survey->size >= 3 && head[0] == 0xef && head[1] == 0xbb && head[2] == 0xbf)
		return "utf-8";
	if (survey->size >= 2 && head[0] == 0xff && head[1] == 0xfe)
		return "utf-16le";
	if (survey->size >= 2 && head[0] == 0xfe && head[1] == 0xff)
		return "utf-16be";
	return NULL;
}

struct detection {
	struct sink sink;
	size_t left;
};

static void detection_write(struct sink *sink, const void *bytes, size_t length)
{
	struct detection *detection = (struct detection *)sink;
	size_t taken = MIN(length, detection->left);

	if (taken > 0)
		uchardet_handle_data(detector, bytes, taken);
	detection->left -= taken;
}

/* NULL when detection has nothing to say, or too little to go by. */
static const struct charset *detect(struct text_source *source, const struct survey *survey)
{
	struct detection detection = {.sink = {detection_write}, .left = DETECT_BYTES};

	/* A few odd letters in a Western text are taken for any charset at all. */
	if (survey->high <= 3 && survey->high * 2 < survey->size)
		return NULL;
	uchardet_reset(detector);
	source->feed(source, &detection.sink);
	uchardet_data_end(detector);
	const char *name = uchardet_get_charset(detector);
	/* Its favourite mistake for short Russian text; nobody mails the Macintosh's any more. */
	if (strcmp(name, "MAC-CYRILLIC") == 0)
		name = "windows-1251";
	const struct charset *charset = charset_find(name);
	return charset && !charset_is_ascii(charset) && charset_form_reads(source, charset, 0)
		   ? charset
		   : NULL;
}

/* windows-1252 comes last: it reads any bytes, and is what most mail without a label is in. */
static struct charset_choice guess(struct text_source *source, const struct survey *survey,
				   const char *hint)
{
	const struct charset *hinted = hint ? charset_find(hint) : NULL;
	const struct charset *form = hinted ? charset_form_eight_bit(source, hinted) : NULL;

	if (form)
		return (struct charset_choice){form, 0};
	if (hinted && !charset_is_ascii(hinted) && !charset_is_wide(hinted) &&
	    charset_form_reads(source, hinted, 0))
		return (struct charset_choice){hinted, 0};
	const struct charset *detected = detect(source, survey);
	if (detected)
		return (struct charset_choice){detected, 0};
	return (struct charset_choice){charset_find("windows-1252"), UINT64_MAX};
}

/* Escapes of ISO-2022-JP say so themselves; in no other charset they mean anything. */
static const struct charset *shifted(struct text_source *source, const struct survey *survey)
{
	const struct charset *japanese = charset_find("iso-2022-jp");

	return survey->high == 0 && survey->escapes && japanese &&
		       charset_form_has_shifts(source) && charset_form_reads(source, japanese, 0)
		   ? japanese
		   : NULL;
}

/* Unlabelled, unknown, or labelled us-ascii. */
static struct charset_choice choose_unlabelled(struct text_source *source,
					       const struct survey *survey, const char *label,
					       const char *hint, const char *what,
					       struct defects *defects)
{
	const struct charset *utf8 = charset_find("utf-8");
	const struct charset *japanese = shifted(source, survey);
	struct charset_choice choice = {utf8, 0};

	if (survey->high > 0 && !charset_form_reads(source, utf8, 0))
		choice = guess(source, survey, hint);
	else if (japanese)
		choice.charset = japanese;
	if (label && !charset_find(label))
		defects_add(defects, "charset '%s' of %s unknown; read as %s", label, what,
			    charset_name(choice.charset));
	else if (survey->high > 0)
		defects_add(defects, "8-bit bytes in %s without a charset; read as %s", what,
			    charset_name(choice.charset));
	else if (japanese)
		defects_add(defects, "Japanese in %s without a charset; read as iso-2022-jp", what);
	return choice;
}

/* The label is known, but not all can be read with it. */
static struct charset_choice choose_mislabelled(struct text_source *source,
						const struct survey *survey,
						const struct charset *charset, const char *what,
						struct defects *defects)
{
	const struct charset *utf8 = charset_find("utf-8");
	/* A text that was cut inside of a character, or quotes a word of another charset. */
	uint64_t tolerable = survey->size / 100 + 1;
	struct charset_choice choice = {utf8, 0};

	/* Hardly any text that is not UTF-8 reads as UTF-8 by chance. */
	if (charset == utf8 || !charset_form_reads(source, utf8, 0)) {
		const struct charset *form = charset_form_eight_bit(source, charset);
		choice = (struct charset_choice){charset, tolerable};
		if (form)
			choice = (struct charset_choice){form, 0};
		else if (!charset_is_multibyte(charset) ||
			 !charset_form_reads(source, charset, tolerable))
			choice = guess(source, survey, NULL);
	}
	if (choice.charset == charset)
		defects_add(defects, "some bytes of %s are not %s", what, charset_name(charset));
	else
		defects_add(defects, "%s is not %s as it says; read as %s", what,
			    charset_name(charset), charset_name(choice.charset));
	return choice;
}

struct charset_choice charset_choose(struct text_source *source, const char *label,
				     const char *hint, const char *what, struct defects *defects)
{
	struct survey survey = {.sink = {survey_write}};
	source->feed(source, &survey.sink);
	const char *mark = survey_mark(&survey);
	const struct charset *charset = label ? charset_find(label) : NULL;

	if (mark && charset_form_reads(source, charset_find(mark), 0))
		return (struct charset_choice){charset_find(mark), 0};
	if (!charset || charset_is_ascii(charset))
		return choose_unlabelled(source, &survey, label, hint, what, defects);
	/* Plain ASCII reads the same in everything that does not use escapes. */
	if (survey.high == 0 && !survey.escapes && !charset_is_wide(charset))
		return (struct charset_choice){charset_find("utf-8"), 0};
	if (charset_is_wide(charset)) {
		charset = charset_form_wide(source, charset);
		if (charset_is_utf8(charset))
			defects_add(defects, "%s is not %s as it says; read as utf-8", what, label);
	}
	const struct charset *japanese =
	    charset_is_shifted(charset) ? NULL : shifted(source, &survey);
	if (japanese) {
		defects_add(defects, "%s is not %s as it says; read as iso-2022-jp", what,
			    charset_name(charset));
		return (struct charset_choice){japanese, 0};
	}
	bool is_other = survey.high > 0 && charset_form_eight_bit(source, charset);
	if (!is_other && charset_form_reads(source, charset, 0))
		return (struct charset_choice){charset, 0};
	return choose_mislabelled(source, &survey, charset, what, defects);
}

void charset_convert(struct text_source *source, struct charset_choice choice, struct sink *sink)
{
	struct conversion conversion;

	/* Whoever chose has seen that all of it can be read. */
	if (choice.errors_max == 0 && charset_is_utf8(choice.charset)) {
		source->feed(source, sink);
		return;
	}
	conversion_init(&conversion, choice.charset, choice.errors_max, sink);
	source->feed(source, &conversion.sink);
	conversion_finish(&conversion);
}

/* Bytes in memory, such as a field of a header. */
struct memory_source {
	struct text_source source;
	const char *bytes;
	size_t length;
};

static void memory_feed(struct text_source *source, struct sink *sink)
{
	struct memory_source *memory = (struct memory_source *)source;

	sink_write(sink, memory->bytes, memory->length);
}

char *charset_text(const char *bytes, size_t length, const char *label, const char *hint,
		   const char *what, struct defects *defects)
{
	struct memory_source memory = {{memory_feed}, bytes, length};
	struct string_sink target = string_sink_to(g_string_sized_new(length));
	struct charset_choice choice = charset_choose(&memory.source, label, hint, what, defects);

	/* Cleaned before it is a C string: a zero byte would end it. */
	struct clean clean;
	clean_init(&clean, &target.sink);
	charset_convert(&memory.source, choice, &clean.sink);
	return g_string_free(target.string, FALSE);
}

char *charset_line(const char *bytes, size_t length, const char *label, const char *hint,
		   const char *what, struct defects *defects)
{
	g_autofree char *text = charset_text(bytes, length, label, hint, what, defects);

	return clean_line(text, 0);
}

struct charset_choice charset_choose_bytes(const char *bytes, size_t length, const char *hint,
					   const char *what, struct defects *defects)
{
	struct memory_source memory = {{memory_feed}, bytes, length};

	return charset_choose(&memory.source, NULL, hint, what, defects);
}

void charset_append(GString *text, const char *bytes, size_t length, struct charset_choice choice)
{
	struct memory_source memory = {{memory_feed}, bytes, length};
	struct string_sink target = string_sink_to(text);

	charset_convert(&memory.source, choice, &target.sink);
}

bool charset_reads(const char *bytes, size_t length, const char *label)
{
	struct memory_source memory = {{memory_feed}, bytes, length};
	const struct charset *charset = charset_find(label);

	return charset && charset_form_reads(&memory.source, charset, 0);
}

/* For one field among many: its defect is told by whoever asks. */
const char *charset_guess(const char *bytes, size_t length, const char *hint)
{
	struct memory_source memory = {{memory_feed}, bytes, length};
	struct survey survey = {.sink = {survey_write}};

	memory_feed(&memory.source, &survey.sink);
	return charset_name(guess(&memory.source, &survey, hint).charset);
}
