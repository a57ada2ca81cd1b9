/*
 * login_internal.h - the two ways in which a person signs in.
 */
#ifndef LOADER_OAUTH_LOGIN_INTERNAL_H
#define LOADER_OAUTH_LOGIN_INTERNAL_H

#include "loader/oauth/oauth_internal.h"

/* Shows an address, takes the code that a browser brings, or that the person pastes, and asks the token
 * endpoint. Errors: CREDENTIALS, and those of oauth_post(). The answer is to be cleared. */
int login_by_code(const struct oauth_account *account, bool paste,
		  const struct oauth_prompt *prompt, struct oauth_answer *ret_answer,
		  struct error *err);

/* Shows a code that the person enters at the provider, and asks until that has happened. */
int login_by_device(const struct oauth_account *account, const struct oauth_prompt *prompt,
		    struct oauth_answer *ret_answer, struct error *err);

#endif
