from datetime import datetime, UTC
import hashlib
from .model import *
def edition(channel):
    sc="a lighthouse keeper feeding gulls at dawn beside a small stone house"
    return tuple(Plate(-n, channel, Story(hashlib.sha256(b"%d"%n).hexdigest(),"sample:","The Gull",f"Lighthouse number {n} opens a bakery","","","en",datetime(2026,1,1,tzinfo=UTC)),Step.RENDERED,Verdict(0,Mood.JOYFUL,(),""),Prompt(sc,sc,Mood.JOYFUL,"x",n,alt="x"),sample=True) for n in range(1,9))
