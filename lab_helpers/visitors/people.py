"""Who comes, and what each of them does: pure, by a random generator that is given.

A walk is a list of steps with the seconds between them, as the clock of the visitor's day counts.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

from lab_helpers.visitors import site

BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 "
    "Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile "
    "Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
)
MACHINES = {"192.0.2.66": "crawler", "203.0.113.99": "scanner", "198.51.100.5": "monitor"}
"""Addresses of those that come again and again."""
CRAWLER = "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bot.example/about)"
SCANNER = "Mozilla/5.0 zgrab/0.x"
MONITOR = "ExampleUptime/1.4 (https://uptime.example/)"
SOURCES = (
    ("", 30), ("https://www.search.example/", 45), ("https://social.example/feed", 12),
    ("https://mail.example/newsletter?week=48", 8), ("https://blog.example/best-boots", 5),
)  # fmt: skip
WORDS = ("boots", "red coat", "tent", "map", "warm gloves", "kettle", "rope 20m", "wool socks")


@dataclass(frozen=True)
class Client:
    """Who asks: an address (documentation ranges of RFC 5737 and RFC 3849), a browser, a kind."""

    address: str
    user_agent: str
    kind: str


@dataclass(frozen=True)
class Step:
    """One request of a walk, `after_s` seconds of the day after the one before."""

    path: str
    query: str = ""
    method: str = "GET"
    referer: str = ""
    after_s: float = 0.0
    is_known: bool = False
    """Whether the client has the file already and asks only whether it has changed."""
    has_id: bool = True
    """Whether the lab's id is in the query: without it the request is told by who asked and when."""


def shopper(rnd: random.Random, client: Client, is_back: bool) -> list[Step]:
    """A person who looks at products, perhaps searches, perhaps buys; who was here before has the assets."""
    source = rnd.choices([name for name, _ in SOURCES], [weight for _, weight in SOURCES])[0]
    first = "/" if rnd.random() < 0.35 else f"/products/{rnd.randint(1, site.PRODUCTS)}.html"
    steps = [Step(first, referer=source)]
    steps += [Step(asset, referer=first, after_s=rnd.uniform(0.05, 0.4), is_known=is_back) for asset in site.ASSETS]
    if not is_back and rnd.random() < 0.5:
        steps.append(Step("/favicon.ico", referer=first, after_s=0.1))
    here = first
    for _ in range(min(int(rnd.expovariate(0.4)), 12)):
        there, query = _next_page(rnd)
        steps.append(Step(there, query, referer=here, after_s=rnd.uniform(4, 60)))
        here = there
    if rnd.random() < 0.16:
        steps += _buy(rnd, here, client)
    return steps


def home(rnd: random.Random, client: Client) -> list[Step]:
    """A person who types the shop's name, sees the start page, and goes: `GET /`, as a health check looks."""
    del client
    return [Step("/", after_s=rnd.uniform(0, 5), has_id=False)]


def crawler(rnd: random.Random, client: Client) -> list[Step]:
    """A machine that follows every link, the one that sorts by price too."""
    del client
    pages = [f"/products/{number}.html" for number in range(1, site.PRODUCTS + 1)]
    rnd.shuffle(pages)
    steps = [Step("/robots.txt"), Step("/products/", after_s=1)]
    for page in pages:
        steps.append(Step(page, after_s=rnd.uniform(1, 3)))
        if rnd.random() < 0.5:
            query = f"q={rnd.choice(WORDS).replace(' ', '+')}&{site.SLOW}"
            steps.append(Step("/search/", query, after_s=rnd.uniform(1, 3)))
    return steps


def scanner(rnd: random.Random, client: Client) -> list[Step]:
    """A machine that tries pages of administrators, one after the other."""
    del client
    pages = list(site.ADMIN_PAGES)
    rnd.shuffle(pages)
    return [Step(page, after_s=rnd.uniform(0.1, 0.9)) for page in pages]


def monitor(rnd: random.Random, client: Client) -> list[Step]:
    """A service that looks each minute whether the shop is there: not the load balancer's, and not a person."""
    del rnd, client
    return [Step("/", has_id=False)]


def addresses(rnd: random.Random) -> Iterator[str]:
    """Yield addresses of the documentation ranges, none twice: IPv4 mostly, IPv6 alone when those are used up."""
    fourth = [f"{net}.{host}" for net in ("192.0.2", "198.51.100", "203.0.113") for host in range(1, 255)]
    rnd.shuffle(fourth)
    for number in itertools.count(1):
        if not fourth or rnd.random() < 0.2:
            yield f"2001:db8:{number:x}::{rnd.randrange(1, 0xFFFF):x}"
        elif (address := fourth.pop()) not in MACHINES:
            yield address


def _next_page(rnd: random.Random) -> tuple[str, str]:
    chance = rnd.random()
    if chance < 0.2:
        sort = f"&{site.SLOW}" if rnd.random() < 0.06 else ""
        return "/search/", f"q={rnd.choice(WORDS).replace(' ', '+')}{sort}"
    if chance < 0.3:
        return "/products/", ""
    if chance < 0.32:
        return "/products/old-catalogue.html", ""
    # a few products are what most people look at
    return f"/products/{min(int(rnd.expovariate(0.35)) + 1, site.PRODUCTS)}.html", ""


def _buy(rnd: random.Random, here: str, client: Client) -> list[Step]:
    # cards of phones are declined more often: something to find
    declined = rnd.random() < (0.25 if "Mobile" in client.user_agent else 0.05)
    card = site.DECLINED if declined else "card=accepted"
    steps = [Step("/cart/", referer=here, after_s=rnd.uniform(3, 20))]
    steps.append(Step("/checkout/", referer="/cart/", after_s=rnd.uniform(5, 30)))
    steps.append(Step("/checkout/thanks.html", card, "POST", "/checkout/", rnd.uniform(20, 90)))
    if declined and rnd.random() < 0.6:  # and tries again
        steps.append(Step("/checkout/thanks.html", site.DECLINED, "POST", "/checkout/", rnd.uniform(5, 15)))
    return steps
