"""Learn when to send: from answers to messages where they can tell, else from hours of orders."""

from training.send_time.engagement import LEARNED, NO_EFFECT, UNKNOWN, Learned, learn
from training.send_time.fitting import fit
from training.send_time.orders import PROXY
from training.send_time.sends import Sends, sends

__all__ = ["LEARNED", "NO_EFFECT", "PROXY", "UNKNOWN", "Learned", "Sends", "fit", "learn", "sends"]
