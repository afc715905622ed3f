"""What an operator may set for prelabel."""

from pydantic import Field

from shared.kit.settings import Settings

MEBIBYTE = 1024 * 1024


class PrelabelSettings(Settings):
    """The shared settings and prelabel's own."""

    bodies_in_hand_mb: int = Field(
        default=320,
        ge=1,
        description="How many MiB of large request bodies and uploaded models a process holds at a time; more wait, and then get 503.",
    )
    max_model_bytes: int = Field(
        default=128 * MEBIBYTE, ge=1024, le=512 * MEBIBYTE, description="The largest ONNX model that may be uploaded."
    )
    inference_queue_items: int = Field(
        default=4096, ge=1, description="How many items may wait for a model; more are answered with 503."
    )
    inference_batch_items: int = Field(
        default=128, ge=1, le=4096, description="How many items a model is run on at once."
    )
    inference_wait_ms: float = Field(
        default=1.0, ge=0, le=1000, description="How long a batch that is not full waits for more, in milliseconds."
    )
    inference_timeout_s: float = Field(default=30.0, gt=0, description="The longest a model may take for one batch.")
    inference_memory_mb: int = Field(
        default=1024, ge=64, description="The memory that the models of a worker process may take together."
    )
    models_in_memory: int = Field(default=8, ge=1, description="How many models each worker process keeps loaded.")
    scoring_chunk: int = Field(
        default=1000, ge=1, le=5000, description="How many records are scored in one transaction at most."
    )
    training_timeout_s: float = Field(default=900.0, gt=0, description="The longest a training may take.")
    training_memory_mb: int = Field(default=4096, ge=512, description="The memory that a training may take.")
    max_training_examples: int = Field(
        default=20_000, ge=10, description="How many of the newest labels a training takes at most."
    )
    max_training_content_mb: int = Field(
        default=128,
        ge=1,
        description="How many MiB of texts and thumbnails a training takes at most, with the newest labels.",
    )
    check_timeout_s: float = Field(
        default=60.0, gt=0, description="The longest that trying out an uploaded model takes."
    )
    check_memory_mb: int = Field(default=4096, ge=512, description="The memory that trying out a model may take.")
