"""A campaign of a data frame's rows, with its progress: for a cell of a notebook, or a script.

Interrupted (the notebook's stop button, Ctrl-C), it stops in good order. Run again, it goes on, and pays for nothing
twice.
"""

import pandas as pd
from tqdm.auto import tqdm

from hailuo_batch import Campaign, Progress

shoes = pd.DataFrame({"sku": ["A1", "B2", "C3", "D4"], "colour": ["red", "blue", "green", "white"]})
prompt = "A ${colour} running shoe turns on a white plinth"
campaign = Campaign.from_shots("shoes", shoes.to_dict("records"), prompt=prompt, id="shoe-${sku}", workspace="work")
plan = campaign.plan(max_spend="5")
print(plan)
with tqdm(total=len(shoes), unit="video") as bar, campaign.stream(consent=plan) as stream:
    for event in stream:
        if isinstance(event, Progress):
            bar.n = event.counts.get("done", 0)
            bar.refresh()
