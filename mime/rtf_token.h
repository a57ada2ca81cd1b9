/*
 * rtf_token.h - RTF taken apart: groups, control words, bytes of text, as a sink.
 *
 * Life:  rtf_tokens_init(), pieces through the sink; nothing to release.
 * Rules: line ends between tokens are none; \'ab is a byte; what \bin announces is passed over; a
 *        name longer than RTF_WORD_MAX is cut.
 */
#ifndef MIME_RTF_TOKEN_H
#define MIME_RTF_TOKEN_H

#include "mime/sink.h"

#include <stdbool.h>
#include <stdint.h>

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

#endif
