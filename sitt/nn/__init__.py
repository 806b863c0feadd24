"""Networks: encoders, decoder, critic, action distributions and input normalisation."""
