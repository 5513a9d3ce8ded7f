"""Reads and operates a report in headless Chromium: report_check.py FACTS PAGE [SMALL_PAGE IMAGES]

FACTS is JSON with what the page must show. With SMALL_PAGE, pictures of that page are written into the
folder IMAGES. Prints what is wrong, and then exits with 1. Nothing is asked over the network.
"""

import json
import shutil
import sys
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# A person takes longer for a key. The machine may be busy with other tests.
KEY_LIMIT_MS = 1500
# WCAG 2.2, success criterion 1.4.3.
CONTRAST = 4.5
# The longest walk with the tab key to anything on the page.
TABS = 25

TEXT = "return arguments[0].textContent"
ROWS = "return document.querySelectorAll('#table tbody tr').length"
SORTED = "return [...document.querySelectorAll('#table th[aria-sort]')].map(th => [th.textContent, th.ariaSort])"
# The cells of a small table, by its caption.
TABLE = """
const table = document.getElementById(arguments[0]).closest('table');
return [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent))"""
WIDTHS = "const page = document.documentElement; return [page.scrollWidth, page.clientWidth, innerWidth]"
CUT_OFF = """
return [...document.querySelectorAll('svg')].flatMap(svg => [...svg.querySelectorAll('text')]
  .filter(text => text.getBoundingClientRect().right > svg.getBoundingClientRect().right + 1
    || text.getBoundingClientRect().left < svg.getBoundingClientRect().left - 1)
  .map(text => text.textContent))"""
# Words that are broken in two: text without a space and a hyphen that takes more than one line.
BROKEN = """
const range = document.createRange();
return [...document.querySelectorAll('#table tbody tr:first-child > *')].filter(cell => {
  range.selectNodeContents(cell);
  return /^\\w+$/.test(cell.textContent) && range.getClientRects().length > 1;
}).map(cell => cell.textContent)"""
# The time of one key in the filter, until the page is laid out again.
TYPED = """
const filter = document.getElementById('filter');
filter.value = arguments[0];
const start = performance.now();
filter.dispatchEvent(new Event('input'));
document.body.offsetHeight;
return performance.now() - start"""
COLOURS = """
const of = (node) => {
  const paper = getComputedStyle(document.body).backgroundColor;
  return [getComputedStyle(node).color, paper];
};
return Object.fromEntries([...document.querySelectorAll('h1, #count, td[data-standing], #table tbody th, svg text')]
  .map(node => [node.tagName + (node.dataset.standing ?? ''),
    node.tagName === 'text' ? [getComputedStyle(node).fill, of(node)[1]] : of(node)]))"""
# How many rows go to paper is known only while they are printed.
WATCH_PRINT = """
addEventListener('beforeprint', () => {
  window.printed = document.querySelectorAll('#table tbody tr').length;
})"""


def browser(tall=900):
    """A Chromium that keeps a log of its console and of its network, and can reach no host."""
    driver = shutil.which("chromedriver")
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    if driver is None or binary is None:
        sys.exit("Chromium and its driver are needed (on Debian: apt-get install chromium chromium-driver)")
    options = Options()
    options.binary_location = binary
    for argument in (
        "--headless=new",
        # A container has no user namespace for it; the page is our own.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--window-size=1280,{tall}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


def emulate(page, scheme="light", width=None, media=""):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    if width:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    else:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def press(page, *keys):
    ActionChains(page).send_keys(*keys).perform()


def tab_to(page, wanted):
    """Moves the focus with the tab key alone, as far as what has this id or this text."""
    for _ in range(TABS):
        press(page, Keys.TAB)
        focus = page.switch_to.active_element
        if wanted in (focus.get_attribute("id"), page.execute_script(TEXT, focus)):
            return
    sys.exit(f"the tab key does not reach {wanted}")


def count(page):
    return page.find_element(By.ID, "count").text


def column(page, number):
    """The cells of a column that are shown."""
    script = "return [...document.querySelectorAll('#table tbody tr')].map(row => row.cells[arguments[0]].textContent)"
    return page.execute_script(script, number)


def table(page, caption):
    """A small table: the other cells of each row by its first."""
    return {first: [int(cell) for cell in rest] for first, *rest in page.execute_script(TABLE, caption)}


def totals(page, facts):
    heading = page.find_element(By.TAG_NAME, "h1").text
    yield facts["words"] in heading, f"the heading is {heading}"
    units = table(page, "units-caption")
    yield units == facts["units"], f"the units are {units}"
    reasons = table(page, "reasons-caption")
    yield reasons == facts["reasons"], f"the reasons are {reasons}"
    days = page.execute_script(TABLE, "days-caption")
    yield len(days) == facts["days"], f"the days are {days}"
    last = [facts["accounts"] - facts["unwatched"], facts["unwatched"], facts["accounts"]]
    yield [int(cell) for cell in days[-1][1:4]] == last, f"the last day is {days[-1]}"
    yield count(page) == f"{facts['accounts']} of {facts['accounts']} accounts match; 1000 are shown", count(page)
    yield page.execute_script(ROWS) == 1000, "another number of rows is shown"
    broken = page.execute_script(BROKEN)
    yield not broken, f"words are broken: {broken}"
    for svg in page.find_elements(By.TAG_NAME, "svg"):
        yield svg.aria_role in ("img", "image"), f"a chart's role is {svg.aria_role}"
        yield len(svg.accessible_name) > 10, f"a chart is called {svg.accessible_name}"


def keyboard(page, facts):
    live = page.find_element(By.ID, "count").get_attribute("aria-live")
    yield live == "polite", f"aria-live is {live}"
    before = count(page)
    tab_to(page, "filter")
    press(page, facts["word"])
    yield count(page) != before and count(page).startswith(f"{facts['matching']} of "), count(page)
    yield all(facts["word"] in name for name in column(page, 1)), "a row does not match"
    label = page.switch_to.active_element.accessible_name
    yield label == "Filter", f"the filter is called {label}"

    tab_to(page, "Name")
    press(page, Keys.ENTER)
    yield page.execute_script(SORTED) == [["Name", "ascending"]], page.execute_script(SORTED)
    up = column(page, 1)
    yield up == sorted(up, key=lambda name: int(name.split('-')[-1])), "names are not in order"
    press(page, Keys.SPACE)
    yield page.execute_script(SORTED) == [["Name", "descending"]], page.execute_script(SORTED)
    yield column(page, 1) == up[::-1], "names are not in the reverse order"
    outline = page.switch_to.active_element.value_of_css_property("outline-style")
    yield outline != "none", "the focus is not shown"

    # Back to the filter, which gives all accounts again; then the choice of a standing.
    page.find_element(By.ID, "filter").clear()
    page.execute_script("document.activeElement.blur(); scrollTo(0, 0)")
    tab_to(page, "standing")
    press(page, "un")
    yield count(page).startswith(f"{facts['unwatched']} of "), count(page)
    yield set(column(page, 7)) == {"unwatched"}, "a row of another standing is shown"


def more(page, facts):
    tab_to(page, "Show 1000 more")
    press(page, Keys.ENTER)
    yield page.execute_script(ROWS) == facts["unwatched"], "the rest is not shown"
    focus = page.switch_to.active_element.tag_name
    yield focus != "body", "the focus is lost with the button"


def paper(page, facts):
    page.execute_script("document.getElementById('filter').dispatchEvent(new Event('input'))")
    yield page.execute_script(ROWS) == 1000, "the rows do not begin again"
    page.execute_script(WATCH_PRINT)
    # The driver's own command gives up after ten seconds.
    page.execute_cdp_cmd("Page.printToPDF", {"transferMode": "ReturnAsStream"})
    printed = page.execute_script("return window.printed")
    yield printed == facts["unwatched"], f"{printed} rows are printed"
    yield page.execute_script(ROWS) == 1000, "the screen keeps the rows of the print"
    emulate(page, scheme="dark", media="print")
    yield from contrasts(page, "print")
    for query, is_shown in ((".tools", False), ("#more", False), ("#table", True)):
        shown = page.find_element(By.CSS_SELECTOR, query).is_displayed()
        yield shown == is_shown, f"in print, {query} is {'' if shown else 'not '}shown"
    paper_is = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    yield paper_is == "rgb(255, 255, 255)", f"a dark print: {paper_is}"
    emulate(page)


def narrow(page, _facts):
    emulate(page, width=380)
    wide, room, window = page.execute_script(WIDTHS)
    yield window == 380, f"the window is {window} wide"
    yield wide <= room, f"the page is {wide} wide, and there is room for {room}"
    cut_off = page.execute_script(CUT_OFF)
    yield not cut_off, f"cut off: {cut_off}"
    emulate(page)


def fluid(page, facts):
    page.execute_script("document.getElementById('standing').value = ''")
    for word in (facts["word"], "no such account", ""):
        took = page.execute_script(TYPED, word)
        yield took < KEY_LIMIT_MS, f"filtering by {word!r} took {took:.0f} ms"


def luminance(colour):
    channels = [int(part) / 255 for part in colour.strip("rgba()").split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrasts(page, scheme):
    for what, colours in page.execute_script(COLOURS).items():
        dark, light = sorted(map(luminance, colours))
        ratio = (light + 0.05) / (dark + 0.05)
        yield ratio >= CONTRAST, f"{what} has a contrast of {ratio:.1f} in {scheme}: {colours}"


def schemes(page, _facts):
    papers = set()
    for scheme in ("light", "dark"):
        emulate(page, scheme=scheme)
        papers.add(page.execute_script("return getComputedStyle(document.body).backgroundColor"))
        yield from contrasts(page, scheme)
    yield len(papers) == 2, "the page is as dark in both schemes"
    emulate(page)


def logs(page, address):
    messages = [entry["message"] for entry in page.get_log("browser")]
    yield not messages, f"the console has {messages}"
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    sent = [one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"]
    yield sent == [address], f"requests: {sent}"


def judge(facts, file):
    page = browser()
    try:
        address = file.resolve().as_uri()
        page.get(address)
        parts = (totals, narrow, schemes, keyboard, more, paper, fluid)
        wrong = [str(why) for part in parts for is_right, why in part(page, facts) if not is_right]
        return wrong + [why for is_right, why in logs(page, address) if not is_right]
    finally:
        page.quit()


def picture(file, images):
    page = browser(tall=1000)
    try:
        page.get(file.resolve().as_uri())
        for name, scheme, width in (("light", "light", None), ("dark", "dark", None), ("narrow", "light", 380)):
            emulate(page, scheme=scheme, width=width)
            part = "#accounts" if scheme == "dark" else "body"
            page.execute_script("document.querySelector(arguments[0]).scrollIntoView()", part)
            page.save_screenshot(str(images / f"report-{name}.png"))
    finally:
        page.quit()


def main(facts, file, small=None, images=None):
    if small:
        picture(Path(small), Path(images))
    wrong = judge(json.loads(facts), Path(file))
    if wrong:
        sys.exit("\n".join(wrong))


main(*sys.argv[1:])
