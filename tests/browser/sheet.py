"""The contact sheet as its tests use it: what a person sees, points at and types."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests.helpers.timeouts import TEST_TIMEOUT_S


class Sheet:
    """report.html in `folder`, open in a browser."""

    def __init__(self, chrome: Chrome, folder: Path) -> None:
        self.chrome = chrome
        self.folder = folder

    def open(self) -> None:
        """Open the page as a reader would, at a common size."""
        self.resize(1440, 1000)
        self.emulate("light")
        for log in ("browser", "performance"):
            self._log(log)
        self.chrome.get((self.folder / "report.html").as_uri())

    def emulate(self, colours: str, motion: str = "no-preference") -> None:
        """Set what the reader prefers."""
        features = [
            {"name": "prefers-color-scheme", "value": colours},
            {"name": "prefers-reduced-motion", "value": motion},
        ]
        self.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def resize(self, width: int, height: int) -> None:
        """Make the window so many CSS pixels large."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def run(self, script: str, *arguments: object) -> Any:
        """What a script returns."""
        return self.chrome.execute_script(script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        return self.chrome.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.chrome.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        """The text of each of these, as it stands in the document."""
        found: list[str] = self.run(
            "return [...document.querySelectorAll(arguments[0])].map(n=>n.textContent)", selector
        )
        return found

    def soon(self, selector: str) -> WebElement:
        """The one that is there now or in a moment."""
        [found] = self.wait(lambda: self.all(selector))
        element: WebElement = found
        return element

    def card(self, take_id: str) -> WebElement:
        return self.soon(f'[data-take="{take_id}"]')

    def film(self, take_id: str) -> WebElement:
        return self.soon(f'[data-take="{take_id}"] .film')

    def shown(self) -> list[str]:
        """The IDs of the takes on the sheet, in their order; what is far from the window is brought near first."""
        found: list[str] = self.run(
            "dispatchEvent(new Event('beforeprint'));"
            "return [...document.querySelectorAll('.take')].map(node => node.dataset.take)"
        )
        return found

    def size(self, name: str) -> None:
        """Choose the size of the pictures: S, M or L."""
        self.run("document.querySelector(arguments[0]).click()", f'[data-density="{name}"]:not(html)')

    def current(self) -> str:
        """The ID of the current take."""
        take_id: str = self.run("return document.querySelector('.take[aria-current]')?.dataset.take ?? ''")
        return take_id

    def press(self, *keys: str) -> None:
        """Type, wherever the focus is."""
        ActionChains(self.chrome).send_keys(*keys).perform()

    def press_with(self, modifier: str, key: str) -> None:
        """Type a key while another is held down."""
        ActionChains(self.chrome).key_down(modifier).send_keys(key).key_up(modifier).perform()

    def click(self, element: WebElement) -> None:
        """Click what the bar at the bottom may cover."""
        self.run("arguments[0].scrollIntoView({block: 'nearest'})", element)
        element.click()

    def point_at(self, element: WebElement) -> None:
        ActionChains(self.chrome).move_to_element(element).perform()

    def choose(self, name: str, option: str) -> None:
        """Choose an option of the selection `name`."""
        Select(self.one(f'select[data-ask="{name}"]')).select_by_visible_text(option)

    def button(self, text: str) -> WebElement:
        """The button in sight whose text this is."""
        is_it = "node => node.checkVisibility() && node.textContent.trim() === arguments[0]"
        found: WebElement = self.until(f"[...document.querySelectorAll('button')].find({is_it})", text)
        return found

    def wait(self, condition: Callable[[], Any]) -> Any:
        """What the condition gives once that is true of anything."""
        return WebDriverWait(self.chrome, TEST_TIMEOUT_S, poll_frequency=0.02).until(lambda _: condition())

    def until(self, script: str, *arguments: object) -> Any:
        """What the expression gives once it is true."""
        return self.wait(lambda: self.run(f"return {script}", *arguments))

    def reload(self) -> None:
        self.run("window.isOld = true; location.reload()")
        self.until("!window.isOld && document.readyState === 'complete'")

    def focused(self) -> str:
        """The accessible name of what has the focus."""
        name: str = self.chrome.switch_to.active_element.accessible_name
        return name

    def complaints(self) -> list[str]:
        """What the browser held against the page since it was opened."""
        return [entry["message"] for entry in self._log("browser") if entry["level"] in {"SEVERE", "WARNING"}]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.chrome.execute("getLog", {"type": kind})["value"]
        return entries

    def requests(self) -> list[str]:
        """Every address that was asked for since the page was opened."""
        messages = (json.loads(entry["message"])["message"] for entry in self._log("performance"))
        kinds = {"Network.requestWillBeSent": "request", "Network.webSocketCreated": None}
        return [
            message["params"]["request"]["url"] if kinds[message["method"]] else message["params"]["url"]
            for message in messages
            if message["method"] in kinds
        ]
