class SimConfig:
    def __init__(self, config):
        self.config, self.task_config = config, config["task"]
        device = f"cuda:{config['device_id']}" if config["pipeline"] == "gpu" else "cpu"
        config["sim_device"] = device
        sim = dict(self.task_config["sim"])
        self._params = {**sim, "sim_device": device, "rendering_dt": sim["dt"], "enable_viewport": True}

    def get_physics_params(self):
        return self._params

    def parse_actor_config(self, actor_name):
        return {}

    def apply_articulation_settings(self, name, prim, cfg):
        assert prim
