import pytest

from penstock.infra.mail import Letter, Mailer, MailError
from penstock.testing.post_office import post_office

LETTER = Letter("ada@example.com", "Grüße", "Hello\nAda\n")


async def test_a_letter_arrives_as_it_was_written():
    async with post_office() as office:
        await Mailer(office.url, "penstock@example.com").send(LETTER)
    (letter,) = office.letters
    assert (letter["From"], letter["To"]) == ("penstock@example.com", "ada@example.com")
    assert letter.get_payload(decode=True).decode().replace("\r\n", "\n") == LETTER.text


async def test_a_letter_that_is_not_taken_is_told():
    async with post_office(refuses=True) as office:
        with pytest.raises(MailError, match="nobody is here"):
            await Mailer(office.url, "penstock@example.com").send(LETTER)
    with pytest.raises(MailError, match="was not taken"):
        await Mailer(office.url, "penstock@example.com").send(LETTER)


async def test_a_password_is_told_only_under_encryption():
    async with post_office() as office:
        url = office.url.replace("smtp://", "smtp://user:s3cret@")
        with pytest.raises(MailError, match="no encryption"):
            await Mailer(url, "penstock@example.com").send(LETTER)
    assert office.letters == []


async def test_no_line_of_a_head_can_be_added_by_an_address():
    async with post_office() as office:
        with pytest.raises(MailError):
            await Mailer(office.url, "penstock@example.com").send(Letter("a@b\r\nBcc: c@d", "s", "t"))
    assert office.letters == []
