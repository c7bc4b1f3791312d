"""Let the queue of a held account go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airflow_twitter.accounts.holding import release
from airflow_twitter.accounts.settings import UnknownAccountError, find_account
from airflow_twitter.data_folder import data_store


class TwitterReleaseAccountOperator(BaseOperator):
    """Release an account; skipped when it is not held. Returns what it was held for.

    :param accounts_file: the file of the accounts.
    """

    ui_color = "#d9f0dc"

    def __init__(self, *, accounts_file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.accounts_file = accounts_file

    def execute(self, context: Context) -> str:
        """Release the account."""
        try:
            account = find_account(Path(self.accounts_file), context["params"]["account"])
        except UnknownAccountError as error:
            raise AirflowFailException(str(error)) from None
        why = release(data_store(), account.account)
        if why is None:
            raise AirflowSkipException(f"The account {account.account} is not held.")
        self.log.info("ACCOUNT RELEASED: %s was held since %s: %s", account.account, why.since, why.error)
        return why.error
