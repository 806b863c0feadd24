"""Isaac Sim 4.0.0 with OmniIsaacGymEnvs (OIGE) f8f91bc; docs/isaac-sim.md says what of it has been run.

Of its modules, `task` can be imported only once Isaac Sim runs, and `cameras` where there is USD.
Comments name the source of each call: OIGE's file and line, or "core", the Python sources that come with Isaac Sim
(read in their release 4.1.0, the nearest that is public).
"""
