"""What is wrong with a table, before anything is learned from it."""

from pathlib import Path

import pandas as pd

import tamis

frame = pd.read_csv(Path(__file__).parent / "data" / "titanic.csv")
print(tamis.audit(frame, target="survived"))

# Rows that train and test share, and a column that gives the target away.
train, test = frame.iloc[:1000], frame.iloc[980:]
leaky = train.assign(lifeboat=train.survived.map({0: "A", 1: "B"}))
for finding in tamis.audit(leaky, target="survived", compare=test).findings:
    if finding.severity == "high":
        print(finding.message, finding.fix)
