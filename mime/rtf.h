/*
 * rtf.h - RTF turned to text, or back to the HTML that Outlook made it of, as a sink.
 *
 * Life:   rtf_new(), pieces of RTF through the sink, rtf_free() after rtf_finish().
 * Rules:  paragraphs, lines and rows end in a newline, cells in a tab; what is no text (fonts,
 *         pictures, fields' instructions, headers) goes; bytes are read in the code page of their
 *         font. As HTML (MS-OXRTFEX) only the tags and the text between them count.
 * Memory: RTF_DEPTH_MAX groups, RTF_FONTS_MAX fonts, and a line of text.
 */
#ifndef MIME_RTF_H
#define MIME_RTF_H

#include "mime/input.h"
#include "mime/sink.h"

#include <stdbool.h>
#include <stdint.h>

/* Deeper groups and further fonts are read without what they say of themselves. */
enum { RTF_DEPTH_MAX = 200, RTF_FONTS_MAX = 500 };

enum rtf_form { RTF_TEXT, RTF_HTML };

struct rtf;

struct rtf *rtf_new(enum rtf_form form, struct sink *next);
void rtf_free(struct rtf *rtf);

/* Write here. */
struct sink *rtf_sink(struct rtf *rtf);

/* Passes on what is still held. */
void rtf_finish(struct rtf *rtf);

/* Was the RTF made of HTML? */
bool rtf_is_from_html(const struct rtf *rtf);

/* --- tokens ------------------------------------------------------------------ */
/*
 * RTF taken apart: groups, control words, bytes of text, as a sink.
 *
 * Life:  rtf_tokens_init(), pieces through the sink; nothing to release.
 * Rules: line ends between tokens are none; \'ab is a byte; what \bin announces is passed over; a
 *        name longer than RTF_WORD_MAX is cut.
 */

enum { RTF_WORD_MAX = 32 };

enum rtf_token_kind { RTF_TOKEN_OPEN, RTF_TOKEN_CLOSE, RTF_TOKEN_WORD, RTF_TOKEN_BYTE };

struct rtf_token {
	enum rtf_token_kind kind;
	const char *word; /* without its backslash; one character where it is no letter */
	int number;	  /* behind the word; 1 where there is none */
	unsigned char byte;
};

struct rtf_tokens {
	struct sink sink; /* write here */
	void (*take)(void *context, const struct rtf_token *token);
	void *context;
	unsigned state;
	char word[RTF_WORD_MAX + 1];
	size_t length;
	bool has_number;
	bool is_negative;
	int64_t number;
	unsigned char byte; /* of \'ab, its first half */
	uint64_t to_pass;   /* bytes of \bin */
};

void rtf_tokens_init(struct rtf_tokens *tokens,
		     void (*take)(void *context, const struct rtf_token *token), void *context);

/* --- compression ------------------------------------------------------------- */
/*
 * The compression that Outlook stores RTF in (MS-OXRTFCP).
 *
 * Memory: a dictionary of 4 kB, whatever the size.
 * Caps:   as many bytes come out as the caller has left; the rest is passed over.
 */

/*
 * Passes what [begin, end) holds on to the sink, at most *bytes_left, which it counts down. False
 * when it is damaged, or longer than that: what came before has then been passed on.
 */
bool rtf_compressed_read(struct input *input, uint64_t begin, uint64_t end, struct sink *sink,
			 uint64_t *bytes_left);

#endif
