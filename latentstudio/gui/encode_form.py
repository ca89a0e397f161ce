"""What encoding the dataset in view would take, and the button that starts it."""

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from latentstudio.data.latent_manifest import DTYPES, SCALARS, SHARD_ROWS
from latentstudio.gui.controller import Controller
from latentstudio.gui.naming import named
from latentstudio.gui.store_passes import StorePasses, size_words
from latentstudio.gui.theme import GAP, colors, theme_signals
from latentstudio.studio.store_requests import StoreCodes, StoreLine, StoresListed

_NUMBERS = {"float32": "float32, exact", "float16": "float16, half the room"}
_BYTES = {"float32": 4, "float16": 2}


class EncodeForm(QWidget):
    """One line for the dataset and model in view, with the numbers to store and the room that they need."""

    def __init__(self, controller: Controller, passes: StorePasses) -> None:
        super().__init__()
        self._controller = controller
        self._passes = passes
        self._known: StoresListed | None = None
        self.what = QLabel()
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.numbers = named(
            QComboBox(), "Numbers", "float16 keeps eleven bits of each; norms and densities stay exact"
        )
        for dtype in DTYPES:
            self.numbers.addItem(_NUMBERS[dtype], dtype)
        self.encode = QPushButton("Encode")
        self.encode.setDefault(True)
        self.encode.setToolTip("Goes on in the background; may be stopped and taken up again at any time")
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.what)
        words.addWidget(self.note)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP)
        row.addLayout(words, 1)
        row.addWidget(self.numbers)
        row.addWidget(self.encode)
        self.numbers.currentIndexChanged.connect(lambda _place: self.refresh())
        self.encode.clicked.connect(self.start)
        controller.document_changed.connect(lambda _old, _new: self.refresh())
        controller.dataset_ready.connect(lambda _facts: self.refresh())
        theme_signals().changed.connect(self.refresh)
        self.refresh()

    def know(self, listed: StoresListed) -> None:
        """Take in what is stored already, and the room on the disk."""
        self._known = listed
        self.refresh()

    @property
    def request(self) -> StoreCodes | None:
        """What the button would start; None while there is nothing to encode."""
        document, catalogue = self._controller.document, self._controller.catalogue
        info = catalogue.models.get(document.model)
        if info is None or self._controller.facts is None or "encode" not in info.abilities:
            return None
        model = catalogue.model_ref(document.model, document.snapshot)
        return StoreCodes(model, catalogue.data_ref(document.data), self.numbers.currentData())

    def start(self) -> None:
        """Start the pass."""
        request, facts = self.request, self._controller.facts
        if request is not None and facts is not None and self.encode.isEnabled():
            self._passes.start(request, facts.title)
            self.refresh()

    def refresh(self) -> None:
        """Say what would be done, what is done already, and what is in the way."""
        request, facts = self.request, self._controller.facts
        info = self._controller.catalogue.models.get(self._controller.document.model)
        self.numbers.setEnabled(request is not None)
        if request is None or facts is None or info is None:
            self.what.setText("No data set to encode")
            reason = "it is being opened" if facts is None else "choose a model that can encode"
            self._say(f"Encode the data set in view: {reason}.", False, "Encode", False)
            return
        snapshot = "" if request.model.snapshot is None else f" at step {request.model.snapshot:,}"
        self.what.setText(f"{facts.title}, {facts.size:,} images, under {info.name}{snapshot}")
        line = self._line_of(request)
        room = facts.size * (info.latent_size * _BYTES[request.dtype] + 8 * SCALARS)
        working = line is not None and self._passes.at_work(line.facts) is not None
        left = room if line is None else max(room - line.facts.bytes, 0)
        if working:
            self._say("Being encoded; the list shows how far it is.", False, "Encode", False)
        elif line is not None and line.facts.state == "complete":
            self._say(f"All images are stored as {request.dtype}.", False, "Encode", False)
        elif self._known is not None and left > self._known.free:
            free = size_words(self._known.free)
            self._say(f"The codes need {size_words(left)} where {free} are free.", True, "Encode", False)
        elif line is not None:
            stored = f"{line.facts.stored:,} images are stored; the rest needs {size_words(left)}."
            self._say(stored, False, "Resume", True)
        else:
            numbers = f"{info.latent_size:,} numbers an image"
            self._say(f"Nothing is stored yet; the codes need {size_words(room)}, {numbers}.", False, "Encode", True)

    def _say(self, text: str, wrong: bool, button: str, able: bool) -> None:
        self.note.setText(text)
        self.note.setStyleSheet(f"color: {colors().warning if wrong else colors().muted};")
        self.encode.setText(button)
        self.encode.setEnabled(able)

    def _line_of(self, request: StoreCodes) -> StoreLine | None:
        """The store that the request would fill, when it has been begun."""
        for line in self._known.stores if self._known is not None else ():
            m = line.facts.manifest
            if m is None or line.outdated or m.part != (1, 1) or m.shard_rows != SHARD_ROWS:
                continue
            here = (m.model, m.snapshot, m.data, m.dtype)
            if here == (request.model.name, request.model.snapshot, request.data.spec, request.dtype):
                same = request.data.digest in ("", m.data_digest)
                if same:
                    return line
        return None
